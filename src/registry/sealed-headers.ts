import { Injectable } from '@nestjs/common';
import { CredentialsUnreadableError, CredentialVault } from '../credentials/credential-cipher.js';
import { splitHeaders } from '../credentials/sensitive-headers.js';
import type { InputFault } from '../input/input-errors.js';
import { isJsonObject } from '../input/json.js';
import { type PowerFields, powerOrigins } from './power/power.dto.js';
import { openSteps, SEALED, type Steps, unsealedFaults, withoutSealed } from './sealed-steps.js';
import type { WorkerEntity } from './worker.entity.js';

/** The headers of a row, as far as they can be read. */
interface StoredHeaders {
  readonly shown: Readonly<Record<string, string>>;
  /** Their values are sent to the worker itself only. */
  readonly hidden: Readonly<Record<string, string>>;
  /** Those of `hidden` that are stored sealed. */
  readonly sealed: Readonly<Record<string, string>>;
  /** The origins to which the hidden ones may be sent; `null`: the row holds no valid URL. */
  readonly origins: string | null;
  /** Whether the column `header` holds a credential, or replaces a sealed one: the row is to be sealed again. */
  readonly isWritten: boolean;
  /** Why the sealed ones cannot be read; `null`: they can. */
  readonly unreadable: string | null;
}

/** Opens the sealed headers of a row, and seals them again after a change. */
@Injectable()
export class SealedHeaders {
  constructor(private readonly vault: CredentialVault) {}

  /** @param newOrigins those that a change gives the worker: after a change of the URL by hand, they may be sealed for these */
  read(row: WorkerEntity, newOrigins: string | null = null): StoredHeaders {
    const header = stringsOf(row.header);
    const { plain: shown, sensitive } = splitHeaders(header);
    const own = sealedFor(row);
    const isClear = Object.keys(sensitive).length > 0;
    const none = { shown, hidden: sensitive, sealed: {}, origins: own, isWritten: isClear };
    if (row.sealed_header === null) return { ...none, unreadable: null };
    let unreadable = 'the worker has no valid URL';
    for (const origins of new Set([own, newOrigins])) {
      if (origins === null) continue;
      try {
        const sealed = this.vault.open(row.sealed_header, { workerId: row.id, origins });
        const kept = notReplaced(sealed, header);
        const isWritten = isClear || Object.keys(kept).length < Object.keys(ownHeaders(sealed)).length;
        return { shown, hidden: { ...kept, ...sensitive }, sealed, origins, isWritten, unreadable: null };
      } catch (error) {
        if (!(error instanceof CredentialsUnreadableError)) throw error;
        unreadable = error.message;
      }
    }
    return { ...none, unreadable };
  }

  /**
   * The column `sealed_header`. It stays as it is if it holds the same values (sealing them again gives another text, and
   * the worker another generation), or if it cannot be read and no new values were sent.
   */
  seal(
    row: WorkerEntity,
    stored: StoredHeaders,
    sensitive: Readonly<Record<string, string>>,
    origins: string,
  ): string | null {
    if (Object.keys(sensitive).length === 0) return stored.unreadable === null ? null : row.sealed_header;
    if (row.sealed_header !== null && stored.origins === origins && isSame(stored.sealed, sensitive))
      return row.sealed_header;
    return this.vault.seal(sensitive, { workerId: row.id, origins });
  }
}

/** What a view shows: all names, and the values that are no secret. */
export function shownHeaders({ shown, hidden }: StoredHeaders): Readonly<Record<string, string>> | null {
  const names = Object.keys(hidden);
  if (names.length + Object.keys(shown).length === 0) return null;
  return { ...shown, ...Object.fromEntries(names.map((name) => [name, SEALED])) };
}

/** Sealed values of the worker's own headers; the others belong to steps of `poll`, `wake` and `sleep`, and no header's name holds a colon. */
function ownHeaders(sealed: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(sealed).filter(([name]) => !name.includes(':')));
}

/** Sealed values of the steps of `poll`, `wake` and `sleep`. */
export function valuesOfSteps(sealed: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(sealed).filter(([name]) => name.includes(':')));
}

/**
 * The sealed values of the worker's own headers, without those that the column `header` names: what was written by hand
 * is newer. Names are case-insensitive [RFC 9110, 5.1].
 */
export function notReplaced(
  sealed: Readonly<Record<string, string>>,
  header: Readonly<Record<string, unknown>> | null,
): Readonly<Record<string, string>> {
  const written = new Set(Object.keys(header ?? {}).map(lower));
  return Object.fromEntries(Object.entries(ownHeaders(sealed)).filter(([name]) => !written.has(lower(name))));
}

/**
 * Where a worker's own headers and those of `poll` may be sent: its own origin, then those of `poll.origins` in order; `null`:
 * the URL is none.
 */
export function originsOf(url: unknown, poll: unknown): string | null {
  const listed: unknown = isJsonObject(poll) ? poll['origins'] : null;
  const further = (Array.isArray(listed) ? listed : []).map((each) => originOf(each) ?? String(each));
  return inOrder(originOf(url), further);
}

/**
 * Where requests of a worker go: to `originsOf`, and those of `wake`, `sleep` and `asleep_when` to their own URLs. Credentials are
 * sealed for this text, so that changing any of them needs the credentials anew.
 */
export function sealedFor(
  definition: PowerFields & { readonly req_url_template?: unknown; readonly poll?: unknown },
): string | null {
  const { req_url_template, poll } = definition;
  const called = originsOf(req_url_template, poll);
  if (called === null) return null;
  return inOrder(originOf(req_url_template), [...called.split(', '), ...powerOrigins(definition)]);
}

function inOrder(own: string | null, further: readonly string[]): string | null {
  if (own === null) return null;
  const others = [...new Set(further)].filter((each) => each !== own);
  return [own, ...others.toSorted()].join(', ');
}

function originOf(url: unknown): string | null {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : null;
}

interface MergedSteps {
  readonly steps: Partial<Steps>;
  readonly faults: readonly InputFault[];
}

/** The steps of a change with the stored values that `"<sealed>"` keeps. They never move to other origins by themselves. */
export function mergeSteps(
  stored: StoredHeaders,
  changed: Readonly<Record<string, unknown>>,
  origins: string | null,
): MergedSteps {
  const named = STEP_FIELDS.filter((field) => isJsonObject(changed[field]));
  if (named.length === 0) return { steps: {}, faults: [] };
  const steps = Object.fromEntries(
    STEP_FIELDS.map((field) => [field, named.includes(field) ? changed[field] : null]),
  ) as unknown as Steps;
  const isMoved = stored.origins !== origins;
  const opened = openSteps(steps, isMoved ? {} : stored.sealed);
  const problem =
    stored.unreadable !== null
      ? `cannot be read (${stored.unreadable}): give the value again`
      : isMoved && Object.keys(stored.sealed).length > 0
        ? notMoved(stored, origins)
        : `"${SEALED}" keeps a stored value, and none is stored: give the value itself`;
  const merged = withoutSealed(opened);
  return {
    steps: Object.fromEntries(named.map((field) => [field, merged[field]])),
    faults: unsealedFaults(opened, problem),
  };
}

const STEP_FIELDS = ['poll', 'wake', 'sleep'] as const;

interface MergedHeaders {
  /** Values of any kind: the check of the whole definition follows. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly faults: readonly InputFault[];
}

/**
 * A merge patch on headers whose values the client cannot see: a header that is left out, or sent as `"<sealed>"`, stays;
 * `null` removes it. Credentials never move to another origin by themselves. Names are case-insensitive [RFC 9110, 5.1].
 */
export function mergeHeaders(
  stored: StoredHeaders,
  patch: Readonly<Record<string, unknown>>,
  origins: string | null,
): MergedHeaders {
  const faults: InputFault[] = [];
  const kept = new Set(Object.keys(stored.hidden).map(lower));
  const merged = new Map<string, readonly [string, unknown]>(
    Object.entries({ ...stored.shown, ...stored.hidden }).map((entry) => [lower(entry[0]), entry]),
  );
  const named = new Set<string>();
  for (const [name, value] of Object.entries(patch)) {
    const isStored = merged.has(lower(name)) && !named.has(lower(name));
    if (value === SEALED) {
      if (!kept.has(lower(name)) && stored.unreadable === null)
        faults.push(
          fault(name, `"${SEALED}" keeps a stored value, and none is stored: give the value itself`),
        );
      continue;
    }
    if (value === null && !isStored && stored.unreadable !== null) {
      const problem = `cannot be removed alone, because the stored credentials cannot be read (${stored.unreadable}): give all of them again, or send "header": null`;
      faults.push(fault(name, problem));
    }
    // A name that was sent twice, in different case, is kept twice: the check of the whole definition reports it.
    const key = named.has(lower(name)) ? `${name} again` : lower(name);
    named.add(lower(name));
    kept.delete(lower(name));
    merged.delete(key);
    if (value !== null) merged.set(key, [name, value]);
  }
  if (stored.origins !== origins)
    for (const key of kept) faults.push(fault(merged.get(key)?.[0] ?? key, notMoved(stored, origins)));
  return { header: Object.fromEntries(merged.values()), faults };
}

/** The headers of a whole definition as a patch: credentials that it leaves out stay, other headers are removed. */
export function keepingCredentials(
  stored: StoredHeaders,
  header: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const named = new Set(Object.keys(header).map(lower));
  const removed = Object.keys(stored.shown).filter((name) => !named.has(lower(name)));
  return { ...Object.fromEntries(removed.map((name) => [name, null])), ...header };
}

function notMoved({ origins }: StoredHeaders, to: string | null): string {
  return `is stored for ${origins ?? 'another origin'} and is not sent to ${to ?? 'another origin'}: give the value again, or null to remove it`;
}

function fault(name: string, problem: string): InputFault {
  return { field: `header.${name}`, problem };
}

function lower(name: string): string {
  return name.toLowerCase();
}

/** The strings of a column that may have been edited by hand. */
function stringsOf(header: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(header)) return {};
  return Object.fromEntries(
    Object.entries(header).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
