import { splitHeaders } from '../credentials/sensitive-headers.js';
import { DEEPEST_JSON, isDeeperThan, isJsonObject } from '../input/json.js';
import { ForbiddenError } from './access-errors.js';
import { type Caller, mayCall } from './caller.js';

/** Whose worker it is: columns of `worker`. */
export interface Registered {
  readonly registered_by_key: string | null;
  readonly registered_by_team: string | null;
}

/** The columns of a worker that this caller registers. What admins, operators and SQL register belongs to no registrar. */
export function registeredBy({ role, keyId, team }: Caller): Registered {
  return role === 'registrar'
    ? { registered_by_key: keyId, registered_by_team: team }
    : { registered_by_key: null, registered_by_team: null };
}

/** Whether a caller may see a worker: a registrar those that its key, or a key of its team, registered. */
export function maySee({ role, keyId, team }: Caller, worker: Registered): boolean {
  if (role !== 'registrar') return true;
  const isOwn = keyId !== null && worker.registered_by_key === keyId;
  return isOwn || (team !== null && worker.registered_by_team === team);
}

/** A worker takes requests of its model, so a registrar adds workers to models of its scope only. @throws ForbiddenError */
export function checkJoins(caller: Caller, model: string): void {
  if (caller.role !== 'registrar' || mayCall(caller, model)) return;
  throw new ForbiddenError(
    'model_not_allowed',
    `model_name: this key may not add workers to the model "${model}"; GET /api/v1/me shows the models of its scope`,
  );
}

/** @throws ForbiddenError for a worker that a caller may neither see nor change */
export function checkOwns(caller: Caller, worker: Registered): void {
  if (maySee(caller, worker)) return;
  throw new ForbiddenError(
    'insufficient_role',
    'this worker was not registered by this key or a key of its team, and the role registrar may change its own workers only; the roles admin and operator may change all',
  );
}

/**
 * What a caller may send in a registration or a change of one: an operator no credentials, and only an admin `${secret:…}`,
 * which reads a secret of the service. @throws ForbiddenError
 */
export function checkSent({ role }: Caller, sent: unknown): void {
  if (role === 'admin') return;
  if (/\$\{secret:/.test(JSON.stringify(sent) ?? ''))
    throw new ForbiddenError(
      'insufficient_role',
      `the role ${role} may not use \${secret:…}, which reads a secret of this service; the role admin may`,
    );
  if (role !== 'operator' || !isJsonObject(sent)) return;
  const field = credentialIn(sent);
  if (field === null) return;
  throw new ForbiddenError(
    'insufficient_role',
    `${field}: the role operator may not set credentials; the role admin may, and the role registrar for its own workers`,
  );
}

/**
 * A change of where a worker is called, which would send its stored credentials elsewhere.
 * @param row the worker before @throws ForbiddenError
 */
export function checkMoved({ role }: Caller, row: Moved, sent: object): void {
  if (role !== 'operator') return;
  const members = new Map<string, unknown>(Object.entries(sent));
  const url = members.get('req_url_template');
  const poll = members.get('poll');
  const isMoved = typeof url === 'string' && originOf(url) !== originOf(row.req_url_template);
  const isWidened = isJsonObject(poll) && 'origins' in poll;
  if (!(isMoved || isWidened) || !holdsCredentials(row)) return;
  throw new ForbiddenError(
    'insufficient_role',
    `${isMoved ? 'req_url_template' : 'poll.origins'}: this worker has credentials, and the role operator may not send them to another origin; the role admin may`,
  );
}

/**
 * An event of a worker that was taken back, which may neither bring credentials back nor send them elsewhere.
 * @param was the worker before, and now @throws ForbiddenError
 */
export function checkUndone({ role }: Caller, was: Undone, now: Undone): void {
  if (role !== 'operator') return;
  const before = credentialsOf(was);
  const credentials = credentialsOf(now);
  const isMoved =
    originOf(was.req_url_template) !== originOf(now.req_url_template) ||
    JSON.stringify(was.poll?.origins ?? []) !== JSON.stringify(now.poll?.origins ?? []);
  const isBack = credentials.some((each) => !before.includes(each));
  if (!isBack && !(isMoved && credentials.length > 0)) return;
  throw new ForbiddenError(
    'insufficient_role',
    `undoing this event would ${isBack ? 'bring back credentials' : 'send the credentials of the worker to another origin'}, which the role operator may not do; the role admin may`,
  );
}

/** A row of `worker`. */
interface Moved {
  readonly req_url_template: string;
  readonly sealed_header: unknown;
}

/** A row of `worker`. */
interface Undone extends Moved {
  readonly poll: { readonly origins?: readonly string[] | undefined } | null;
}

/** The stored credentials as they are sealed, and the secrets that are named. */
function credentialsOf(row: Moved): readonly string[] {
  // A row that was edited by hand may nest too deep to be searched: it may hold any.
  const named = isDeeperThan(DEEPEST_JSON, row)
    ? ['any']
    : (JSON.stringify(row).match(/\$\{secret:[^}]*\}/g) ?? []);
  return row.sealed_header === null ? named : [JSON.stringify(row.sealed_header), ...named];
}

function holdsCredentials(row: Moved): boolean {
  return credentialsOf(row).length > 0;
}

/** Where a registration holds a credential: in `api_key`, or in a header of it or of a step of `poll`; `null`: nowhere. */
function credentialIn(sent: Readonly<Record<string, unknown>>): string | null {
  if (typeof sent['api_key'] === 'string') return 'api_key';
  return credentialHeader(sent, '');
}

function credentialHeader(value: unknown, path: string): string | null {
  if (Array.isArray(value)) return firstOf(value.map((each, index) => [`${path}[${index}]`, each] as const));
  if (!isJsonObject(value)) return null;
  const { header, ...rest } = value;
  const at = path === '' ? 'header' : `${path}.header`;
  if (isJsonObject(header)) {
    const texts = Object.entries(header).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    const [name] = Object.keys(splitHeaders(Object.fromEntries(texts)).sensitive);
    if (name !== undefined) return `${at}.${name}`;
  }
  return path === ''
    ? firstOf([['poll', rest['poll']]])
    : firstOf(Object.entries(rest).map(([key, each]) => [`${path}.${key}`, each] as const));
}

function firstOf(members: readonly (readonly [string, unknown])[]): string | null {
  for (const [path, each] of members) {
    const found = credentialHeader(each, path);
    if (found !== null) return found;
  }
  return null;
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url.split('/', 3).join('/');
}
