export const ROLES = ['admin', 'operator', 'registrar', 'inference', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/**
 * What a route needs, and the roles that have it. `open` needs no key. Where a role has less than the whole of a route
 * (a registrar its own workers, an inference key its own jobs, an operator no credentials), the service behind it decides:
 * `worker-rights.ts`, `caller.ts`.
 */
export const RIGHTS = {
  open: ROLES,
  /** What every key may see: its own rights, presets. */
  any: ROLES,
  /** The same; its 401 says how to sign in. */
  session: ROLES,
  call_models: ['admin', 'operator', 'inference'],
  /** Where a call would go. */
  explain_calls: ['admin', 'operator', 'viewer'],
  /** The headers x-mmm-worker and x-mmm-explain. */
  call_one_worker: ['admin', 'operator'],
  list_models: ['admin', 'operator', 'inference', 'viewer'],
  read_jobs: ['admin', 'operator', 'inference', 'viewer'],
  read_workers: ['admin', 'operator', 'registrar', 'viewer'],
  change_workers: ['admin', 'operator', 'registrar'],
  dry_run: ['admin'],
  read_policies: ['admin', 'operator', 'viewer'],
  change_policies: ['admin', 'operator'],
  read_history: ['admin', 'operator', 'viewer'],
  undo: ['admin', 'operator'],
  read_teams: ['admin', 'operator', 'viewer'],
  change_teams: ['admin'],
  read_keys: ['admin', 'viewer'],
  change_keys: ['admin'],
  read_usage: ['admin', 'operator', 'inference', 'viewer'],
} as const satisfies Record<string, readonly Role[]>;
export type Right = keyof typeof RIGHTS;

/** Every route of the service, and what it needs. The service does not start with a route that is missing here. */
export const ROUTES: Readonly<Record<string, Right>> = {
  // Fastify's CORS plugin; it answers preflights before keys are checked.
  'OPTIONS *': 'any',
  'GET /livez': 'open',
  'GET /readyz': 'open',
  'GET /health': 'open',
  'GET /openapi.json': 'open',
  'GET /docs': 'open',
  'GET /metrics': 'read_history',
  'GET /': 'open',
  'POST /echo': 'call_models',

  'POST /api/v1/chat/completions': 'call_models',
  'POST /v1/chat/completions': 'call_models',
  'POST /v1/completions': 'call_models',
  'POST /v1/responses': 'call_models',
  'GET /v1/responses/:id': 'call_models',
  'DELETE /v1/responses/:id': 'call_models',
  'POST /v1/responses/:id/cancel': 'call_models',
  'GET /v1/responses/:id/input_items': 'call_models',
  'POST /v1/embeddings': 'call_models',
  'POST /v1/rerank': 'call_models',
  'POST /v1/moderations': 'call_models',
  'POST /v1/images/generations': 'call_models',
  'POST /v1/images/edits': 'call_models',
  'POST /v1/images/variations': 'call_models',
  'POST /v1/audio/speech': 'call_models',
  'POST /v1/audio/transcriptions': 'call_models',
  'POST /v1/audio/translations': 'call_models',
  'POST /v1/messages': 'call_models',
  'POST /v1/messages/count_tokens': 'call_models',
  'GET /v1/models': 'list_models',
  'GET /v1/models/*': 'list_models',

  'POST /v1/videos': 'call_models',
  'GET /v1/videos': 'call_models',
  'GET /v1/videos/:id': 'call_models',
  'DELETE /v1/videos/:id': 'call_models',
  'GET /v1/videos/:id/content': 'call_models',
  'POST /v1/videos/:id/remix': 'call_models',
  'POST /v1/videos/edits': 'call_models',
  'POST /v1/videos/extensions': 'call_models',
  'POST /v1/videos/characters': 'call_models',
  'GET /v1/videos/characters/:id': 'call_models',
  'POST /api/v1/jobs': 'call_models',
  'GET /api/v1/jobs': 'read_jobs',
  'GET /api/v1/jobs/:id': 'read_jobs',
  'DELETE /api/v1/jobs/:id': 'call_models',
  'GET /api/v1/jobs/:id/events': 'read_jobs',
  'GET /api/v1/jobs/:id/files/:number': 'call_models',

  'POST /api/server/register': 'change_workers',
  'GET /api/server/workers': 'read_workers',
  'POST /api/server/offline': 'change_workers',
  'POST /api/server/heartbeat': 'change_workers',
  'GET /api/v1/workers': 'read_workers',
  'POST /api/v1/workers': 'change_workers',
  'PUT /api/v1/workers': 'change_workers',
  'POST /api/v1/workers/bulk': 'change_workers',
  'POST /api/v1/workers/dry-run': 'dry_run',
  'POST /api/v1/workers/:id/dry-run': 'dry_run',
  'GET /api/v1/workers/:id': 'read_workers',
  'PATCH /api/v1/workers/:id': 'change_workers',
  'DELETE /api/v1/workers/:id': 'change_workers',
  'GET /api/v1/workers/:id/events': 'read_workers',
  'POST /api/v1/workers/:id/enable': 'change_workers',
  'POST /api/v1/workers/:id/disable': 'change_workers',
  'POST /api/v1/workers/:id/drain': 'change_workers',
  'POST /api/v1/workers/:id/offline': 'change_workers',
  'POST /api/v1/workers/:id/probe': 'change_workers',
  'GET /api/v1/presets': 'any',

  'GET /api/v1/models': 'read_policies',
  'GET /api/v1/models/*': 'read_policies',
  'PUT /api/v1/models/*': 'change_policies',
  'DELETE /api/v1/models/*': 'change_policies',
  // Explains where a request would go: the states of workers, which these roles read anyway. Nothing is called.
  'POST /api/v1/models/*': 'explain_calls',
  'GET /api/v1/overview': 'read_history',
  'GET /api/v1/changes': 'read_history',
  'GET /api/v1/events': 'read_history',
  'POST /api/v1/events/:id/undo': 'undo',

  'GET /api/v1/keys': 'read_keys',
  'POST /api/v1/keys': 'change_keys',
  'GET /api/v1/keys/:id': 'read_keys',
  'PATCH /api/v1/keys/:id': 'change_keys',
  'DELETE /api/v1/keys/:id': 'change_keys',
  'POST /api/v1/keys/:id/rotate': 'change_keys',
  'GET /api/v1/teams': 'read_teams',
  'GET /api/v1/teams/*': 'read_teams',
  'PUT /api/v1/teams/*': 'change_teams',
  'PATCH /api/v1/teams/*': 'change_teams',
  'DELETE /api/v1/teams/*': 'change_teams',
  'GET /api/v1/usage': 'read_usage',
  'GET /api/v1/me': 'any',
  'GET /api/v1/session': 'session',
  'DELETE /api/v1/sessions': 'change_keys',

  'GET /auth/login': 'open',
  'GET /auth/callback': 'open',
  'POST /auth/session': 'any',
  'POST /auth/logout': 'open',
};

/** Whether a route takes what calls of models say of themselves in headers. */
export function isForModels(right: Right | undefined): boolean {
  return right === 'call_models' || right === 'explain_calls';
}

/** What the port of clients serves where ADMIN_PORT serves everything. Of the open routes, the probes. */
const FOR_CLIENTS: ReadonlySet<Right> = new Set(['call_models', 'list_models', 'read_jobs']);
const FOR_CLIENTS_TOO = /^(GET|HEAD) \/(livez|readyz|api\/v1\/me)$|^OPTIONS /;

/** Whether a route is for clients, and not only for those who run the service. */
export function isForClients(method: string, url: string): boolean {
  const right = rightOf(method, url);
  return right !== undefined && (FOR_CLIENTS.has(right) || FOR_CLIENTS_TOO.test(`${method} ${url}`));
}

/** What a route needs; HEAD needs what GET does, and so do the files of the pages. `undefined`: it is not in the table. */
export function rightOf(method: string, url: string): Right | undefined {
  if (/^\/(docs|console)(\/|$)/.test(url)) return 'open';
  return ROUTES[`${method === 'HEAD' ? 'GET' : method} ${url}`];
}
