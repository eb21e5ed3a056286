import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Right, RIGHTS, rightOf, type Role, ROLES, ROUTES } from '../../src/access/roles.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { printedRandom } from '../seeded-random.js';
import { serviceForTest } from '../service.js';
import { PATIENT_MS } from '../until.js';

const ROOT_KEY = 'the-first-admin-key';
const root = { authorization: `Bearer ${ROOT_KEY}` };
/** Each case is a request over HTTP: 5,000 take about 15 s alone on this kind of machine. TEST_CASES=5000 for all. */
const CASES = Number(process.env['TEST_CASES'] ?? 500);
const AT_ONCE = 8;

interface Case {
  readonly route: string;
  readonly role: Role;
  readonly id: string;
  readonly body: unknown;
  readonly query: string;
}

/** What a role may change, by the subjects of the history. */
const MAY_CHANGE: Readonly<Record<Role, readonly string[]>> = {
  admin: ['worker', 'model', 'key', 'team', 'session'],
  operator: ['worker', 'model'],
  registrar: ['worker'],
  inference: [],
  viewer: [],
};

it('any request of any role to any route gets an answer that is not our failure, and changes only what the role may change', async () => {
  const service = await serviceForTest({
    DATABASE: 'embedded',
    ADMIN_API_KEY: ROOT_KEY,
    UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
    HEALTH_INTERVAL_MS: '60000',
  });
  const upstream = await upstreamForTest(json({ answer: 'hello' }));
  const worker = aWorker(upstream);
  const made = await service.post(
    '/api/v1/workers',
    { ...worker, header: { authorization: 'Bearer of-the-admin' } },
    root,
  );
  const workerId = (made.json as { id: string }).id;
  const keys = new Map<Role, { readonly id: string; readonly key: string }>();
  for (const role of ROLES) {
    const answer = await service.post('/api/v1/keys', { name: `the ${role}`, role, team: role }, root);
    keys.set(role, answer.json as { id: string; key: string });
  }
  const victim = (await service.post('/api/v1/keys', { name: 'victim', role: 'viewer' }, root)).json as {
    id: string;
  };

  const routes = Object.keys(ROUTES).filter(
    (route) => !/^(OPTIONS|GET \/metrics|GET \/api\/v1\/changes|POST \/echo)/.test(route),
  );
  const id = fc.oneof(fc.constantFrom(workerId, victim.id, '1', '%00', '..%2f..', 'a b'), fc.uuid());
  const known = fc.constantFrom<object>(
    worker,
    { ...aWorker(upstream), labels: { a: '1' } },
    { model_name: worker.model_name, req_url_template: worker.req_url_template },
    { model_name: worker.model_name, input: 'x' },
    { model: worker.model_name, messages: [{ role: 'user', content: 'x' }], max_tokens: 5 },
    { model: worker.model_name, input: 'x' },
    { model: worker.model_name, prompt: 'x' },
    { name: 'made by a fuzz', role: 'admin' },
    { role: 'admin' },
    { disabled: true },
    { overlap_s: 5 },
    { header: { authorization: 'Bearer other' } },
    { req_url_template: 'http://127.0.0.1:9/other' },
    { limits: { requests_per_minute: 1 } },
    { fallbacks: ['x'], retries: 2 },
    { weight: 5 },
  );
  const member = fc.tuple(
    fc.constantFrom(
      'model',
      'name',
      'role',
      'limits',
      'header',
      'poll',
      'body',
      'input',
      'messages',
      'stream',
      'team',
      'models',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const body: fc.Arbitrary<unknown> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(known, fc.array(member, { maxLength: 2 }))
        .map(([base, more]) => ({ ...base, ...Object.fromEntries(more) })),
    },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  );
  const request: fc.Arbitrary<Case> = fc.record({
    route: fc.constantFrom(...routes),
    role: fc.constantFrom(...ROLES),
    id,
    body,
    query: fc.oneof(
      fc.constant(''),
      fc
        .tuple(
          fc.constantFrom('limit', 'cursor', 'sort', 'force', 'since', 'label', 'revoked', 'kind'),
          fc.string({ maxLength: 8 }),
        )
        .map(([name, value]) => `?${new URLSearchParams({ [name]: value }).toString()}`),
    ),
  });

  const found: string[] = [];
  const play = async ({
    route,
    role,
    id: given,
    body: sent,
    query,
  }: typeof request extends fc.Arbitrary<infer One> ? One : never) => {
    const [method = '', url = ''] = route.split(' ');
    const path =
      url.replace(':id', given).replace(':number', '0').replace('*', encodeURIComponent(given)) + query;
    const response = await fetch(service.url + path, {
      method,
      headers: { authorization: `Bearer ${keys.get(role)?.key ?? ''}`, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: JSON.stringify(sent) }),
      signal: AbortSignal.timeout(PATIENT_MS),
    });
    const { status } = response;
    const text = url.endsWith('/events') && status === 200 ? '' : await response.text();
    if (text === '') await response.body?.cancel().catch(() => {});
    const right: Right = rightOf(method, url) ?? 'any';
    const mayUse = (RIGHTS[right] as readonly Role[]).includes(role);
    const isOurFailure = status === 500 || text.includes('internal error');
    if (isOurFailure || (!mayUse && status !== 403 && status !== 400 && status !== 404))
      found.push(`${role} ${method} ${path} ${JSON.stringify(sent)}: ${status} ${text.slice(0, 200)}`);
  };
  // Every role tries every kind of change, so that the random cases are not all that is known.
  const certain = ROLES.flatMap((role) =>
    (
      [
        ['POST /api/v1/workers', aWorker(upstream)],
        ['PUT /api/v1/models/*', { retries: 2 }],
        ['POST /api/v1/keys', { name: `made by ${role}`, role: 'viewer' }],
        ['PUT /api/v1/teams/*', { labels: { by: role } }],
        ['DELETE /api/v1/sessions', {}, `?user=${role}`],
      ] as const
    ).map(([route, sent, query = '']) => ({ route, role, id: role, body: sent, query })),
  );
  const seed = Math.floor(printedRandom('requests of all roles')() * 2 ** 31);
  const cases: Case[] = [...certain, ...fc.sample(request, { numRuns: CASES, seed })];
  const players = Array.from({ length: AT_ONCE }, async () => {
    for (let next = cases.pop(); next !== undefined; next = cases.pop()) await play(next);
  });
  await Promise.all(players);
  expect(found).toEqual([]);

  const changes = await service.database.query<{ actor: string; subject: string; kind: string; n: number }>(
    `SELECT actor, subject, kind, count(*)::integer AS n FROM event WHERE via = 'api' AND actor <> 'root' GROUP BY 1, 2, 3`,
  );
  const roleOf = (actor: string) => ROLES.find((role) => actor === `the ${role}`);
  const crossed = changes.filter(({ actor, subject }) => {
    const role = roleOf(actor);
    return role !== undefined && !MAY_CHANGE[role].includes(subject);
  });
  expect(crossed).toEqual([]);
  for (const role of ROLES)
    for (const subject of MAY_CHANGE[role])
      expect([
        role,
        subject,
        changes.some((each) => roleOf(each.actor) === role && each.subject === subject),
      ]).toEqual([role, subject, true]);
  const [foreign] = await service.database.query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM event e JOIN worker w ON w.id = e.subject_id
     WHERE e.actor = 'the registrar' AND w.registered_by_key IS DISTINCT FROM $1`,
    [keys.get('registrar')?.id],
  );
  expect(foreign?.n).toBe(0);
});
