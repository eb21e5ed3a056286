import { DEEPEST_JSON } from '../input/json.js';
import { holdsOnlyReferences } from './sensitive-headers.js';

/**
 * Names under which a value is a credential, compared without case, `_` and `-`. Not `key` or `token` alone: bodies hold
 * `stop_token` and the like.
 */
export const CREDENTIAL_NAMES: ReadonlySet<string> = new Set([
  'accesskey',
  'accesstoken',
  'apikey',
  'apisecret',
  'apitoken',
  'appsecret',
  'authkey',
  'authorization',
  'authtoken',
  'bearertoken',
  'clientsecret',
  'password',
  'passwd',
  'privatekey',
  'secret',
  'secretaccesskey',
  'secretkey',
  'xapikey',
]);
/** In a query, these are credentials, too: Google's `?key=`, Azure's `?sig=`. */
const CREDENTIAL_PARAMETERS: ReadonlySet<string> = new Set([
  ...CREDENTIAL_NAMES,
  'key',
  'sig',
  'signature',
  'token',
]);

/** Headers of the steps of `poll`, `wake` and `sleep`, which are stored sealed, and names to paths in answers. */
const NO_VALUES =
  /^(?:poll\.(?:(?:status|cancel(?:\[\d+\])?|result\.request)\.header|keep|result\.keep)|(?:wake|sleep)\.request(?:\[\d+\])?\.header)$/;

/** Fields that hold a path with a query, or a URL. */
const PATHS: ReadonlySet<string> = new Set(['wake.ready.path', 'asleep_when.path']);

/** A placeholder such as {USER_PROMPT}. */
const PLACEHOLDER = /\{\+?[A-Z][A-Z0-9_]*(?:\.\w+)?\}/g;

/** The parts of a definition that are stored in clear text. */
export interface ClearParts {
  readonly req_url_template: string;
  readonly req_param?: unknown;
  readonly body?: unknown;
  /** Its steps have URLs and bodies of their own; their headers are sealed. */
  readonly poll?: unknown;
  readonly wake?: unknown;
  readonly sleep?: unknown;
  readonly asleep_when?: unknown;
  readonly health_check?: { readonly path?: string | undefined } | null | undefined;
}

/** The fields of a definition whose values are credentials in clear text, each with its value. */
export function clearCredentials({
  req_url_template,
  req_param,
  body,
  poll,
  wake,
  sleep,
  asleep_when,
  health_check,
}: ClearParts): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  collectQuery(req_url_template, 'req_url_template', found);
  collect(req_param, 'req_param', CREDENTIAL_PARAMETERS, found);
  collect(body, 'body', CREDENTIAL_NAMES, found);
  collect(poll, 'poll', CREDENTIAL_NAMES, found);
  collect(wake, 'wake', CREDENTIAL_NAMES, found);
  collect(sleep, 'sleep', CREDENTIAL_NAMES, found);
  collect(asleep_when, 'asleep_when', CREDENTIAL_NAMES, found);
  collectQuery(health_check?.path ?? '', 'health_check.path', found);
  return found;
}

function collectQuery(url: string, field: string, found: Map<string, string>): void {
  const query = url.indexOf('?');
  for (const pair of query === -1 ? [] : url.slice(query + 1).split('&')) {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? '' : pair.slice(0, equals);
    const value = pair.slice(equals + 1);
    if (isCredential(name, value, CREDENTIAL_PARAMETERS)) found.set(`${field}?${name}`, value);
  }
}

function collect(
  value: unknown,
  field: string,
  names: ReadonlySet<string>,
  found: Map<string, string>,
  levels = DEEPEST_JSON,
): void {
  // Only a row edited by hand nests deeper, and it cannot be called.
  if (typeof value !== 'object' || value === null || levels === 0) return;
  for (const [key, child] of Object.entries(value)) {
    const path = Array.isArray(value) ? `${field}[${key}]` : `${field}.${key}`;
    if (NO_VALUES.test(path)) continue;
    if (typeof child !== 'string') collect(child, path, names, found, levels - 1);
    else if (key === 'url' || PATHS.has(path)) collectQuery(child, path, found);
    else if (isCredential(key, child, names)) found.set(path, child);
  }
}

function isCredential(name: string, value: string, names: ReadonlySet<string>): boolean {
  if (!names.has(name.toLowerCase().replaceAll(/[_-]/g, ''))) return false;
  return value.replaceAll(PLACEHOLDER, '').trim() !== '' && !holdsOnlyReferences(value);
}
