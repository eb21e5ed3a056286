import type { InputFault } from '../../input/input-errors.js';
import { SEALED } from '../sealed-headers.js';
import type { StoredHeaders } from '../sealed-headers.js';

interface MergedHeaders {
  /** Values of any kind, for what was given is checked with the rest of the definition. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly faults: readonly InputFault[];
}

/**
 * A merge patch on headers whose values its sender cannot see: what it leaves out, or sends as it was shown, stays; `null`
 * removes. Credentials never follow to another origin by themselves. Names are the same in any case [RFC 9110, 5.1].
 */
export function mergeHeaders(
  stored: StoredHeaders,
  given: Readonly<Record<string, unknown>>,
  origin: string | null,
): MergedHeaders {
  const faults: InputFault[] = [];
  const carried = new Set(Object.keys(stored.hidden).map(lower));
  const merged = new Map<string, readonly [string, unknown]>(
    Object.entries({ ...stored.shown, ...stored.hidden }).map((entry) => [lower(entry[0]), entry]),
  );
  const named = new Set<string>();
  for (const [name, value] of Object.entries(given)) {
    const known = merged.has(lower(name)) && !named.has(lower(name));
    if (value === SEALED) {
      if (!carried.has(lower(name)) && stored.unreadable === null)
        faults.push(fault(name, `"${SEALED}" keeps what is stored, and nothing is: give the value itself`));
      continue;
    }
    if (value === null && !known && stored.unreadable !== null) {
      const problem = `cannot be taken out alone, for the stored credentials cannot be read (${stored.unreadable}): give them anew, or "header": null`;
      faults.push(fault(name, problem));
    }
    // Given twice in another case, both are kept, for the check of the whole to tell.
    const key = named.has(lower(name)) ? `${name} again` : lower(name);
    named.add(lower(name));
    carried.delete(lower(name));
    merged.delete(key);
    if (value !== null) merged.set(key, [name, value]);
  }
  if (stored.origin !== origin)
    for (const key of carried) faults.push(fault(merged.get(key)?.[0] ?? key, notCarried(stored, origin)));
  return { header: Object.fromEntries(merged.values()), faults };
}

/** What replaces a definition whole keeps credentials it leaves out; other headers it leaves out go. */
export function asPatch(
  stored: StoredHeaders,
  header: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const given = new Set(Object.keys(header).map(lower));
  const gone = Object.keys(stored.shown).filter((name) => !given.has(lower(name)));
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...header };
}

function notCarried({ origin }: StoredHeaders, to: string | null): string {
  return `is stored for ${origin ?? 'another origin'} and is not sent to ${to ?? 'another'} unasked: give it anew, or null to do without`;
}

function fault(name: string, problem: string): InputFault {
  return { field: `header.${name}`, problem };
}

function lower(name: string): string {
  return name.toLowerCase();
}
