import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageWriter } from '../../src/usage/usage-writer.js';
import { HeldServer } from '../balancing/held-server.js';
import { type Answer, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { bearer, change, limitedKey, ModelServer, root, SETTINGS } from './limited-keys.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SETTINGS);
});
afterAll(() => service.stop());

type Headers = Readonly<Record<string, string>>;

const forTeam = (headers: Headers, team: string): Headers => ({ ...headers, 'x-mmm-tenant': team });
const keyFor = async (teams: readonly string[] | null, more: object = {}) =>
  limitedKey(service, null, { ...(teams === null ? {} : { may_act_for: teams }), ...more });

const MESSAGES = [{ role: 'user', content: 'hello' }];
/** Each way to a model. */
const CALLS: readonly [string, string, (model: string) => object, Headers?][] = [
  ['the native API', '/api/v1/chat/completions', (model) => ({ model_name: model, input: 'hello' })],
  ["OpenAI's API", '/v1/chat/completions', (model) => ({ model, messages: MESSAGES })],
  ["a stream of OpenAI's", '/v1/chat/completions', (model) => ({ model, messages: MESSAGES, stream: true })],
  ["Anthropic's API", '/v1/messages', (model) => ({ model, messages: MESSAGES, max_tokens: 5 })],
  [
    'a call that becomes a job',
    '/v1/chat/completions',
    (model) => ({ model, messages: MESSAGES }),
    { prefer: 'respond-async' },
  ],
  ['the jobs API', '/api/v1/jobs', (model) => ({ model, kind: 'text', prompt: 'hello' })],
];

/** Once all of them are written: requests of each team of a key. */
async function requestsOf(keyId: string, requests: number): Promise<Record<string, number>> {
  const read = () =>
    service.database.query<{ team: string; n: number }>(
      'SELECT team, sum(requests)::int AS n FROM usage_hourly WHERE key_id = $1 GROUP BY team ORDER BY team',
      [keyId],
    );
  const writer = service.app.get(UsageWriter);
  await until(async () => {
    await writer.write();
    return (await read()).reduce((sum, { n }) => sum + n, 0) === requests;
  });
  return Object.fromEntries((await read()).map(({ team, n }) => [team, n]));
}

describe('a key that acts for teams', () => {
  it('is charged to the team that each request names, in every way to a model, and no worker sees the header', async () => {
    const server = await ModelServer.start(service, 'openai');
    const { id, key } = await keyFor(['ads', 'search'], { team: 'front-end' });
    for (const [, path, body, headers = {}] of CALLS)
      for (const team of ['ads', 'search']) {
        const answer = await service.post(
          path,
          body(server.model),
          forTeam({ ...bearer(key), ...headers }, team),
        );
        expect([path, answer.status < 300, answer.text]).toEqual([path, true, expect.any(String)]);
      }
    // Without the header, and with the key's own team.
    for (const headers of [bearer(key), forTeam(bearer(key), 'front-end')])
      expect(
        (await service.post('/v1/chat/completions', { model: server.model, messages: MESSAGES }, headers))
          .status,
      ).toBe(200);
    expect(await requestsOf(id, 2 * CALLS.length + 2)).toEqual({
      ads: CALLS.length,
      'front-end': 2,
      search: CALLS.length,
    });
    const seen = server.upstream.requests;
    expect(seen).toHaveLength(2 * CALLS.length + 2);
    expect(seen.filter(({ headers }) => 'x-mmm-tenant' in headers)).toEqual([]);
  });

  it.each(CALLS)(
    'gets a 403 that names the field for a team that it may not act for: %s',
    async (_, path, body, more = {}) => {
      const server = await ModelServer.start(service, 'openai');
      const [some, none] = await Promise.all([keyFor(['ads']), keyFor(null)]);
      const refused = await service.post(
        path,
        body(server.model),
        forTeam({ ...bearer(some.key), ...more }, 'search'),
      );
      expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('may_act_for')]);
      expect(refused.text).toMatch(/the team \\"search\\".*it holds \\"ads\\"/);
      const other = await service.post(
        path,
        body(server.model),
        forTeam({ ...bearer(none.key), ...more }, 'ads'),
      );
      expect([other.status, other.text]).toEqual([403, expect.stringContaining('it is not set')]);
      expect(server.upstream.requests).toEqual([]);
    },
  );

  it('takes turns for each team, with the weight and the classes of the team', async () => {
    await change(service, 'PUT', '/api/v1/teams/calm', { max_priority: 'default' });
    const server = await HeldServer.start(service, 'acting-turns', { max: 100 });
    const { key } = await keyFor(['flood', 'calm']);
    const as = (team: string) => forTeam(bearer(key), team);
    const many: Promise<Answer>[] = [server.chat('first', 'default', {}, as('flood'))];
    await server.runs('first');
    for (let at = 0; at < 10; at += 1) many.push(server.chat(`many ${at}`, 'default', {}, as('flood')));
    await server.waits('default', 10);
    const few = server.chat('few', 'interactive', {}, as('calm'));
    await server.waits('default', 11);
    const { text } = await service.get('/metrics', root);
    for (const [team, count] of [
      ['flood', 10],
      ['calm', 1],
    ])
      expect(text).toContain(`mmm_team_requests_queued{model="acting-turns",team="${team}"} ${count}`);
    await server.finish('first');
    // Of those that wait it came last.
    await server.finish('few');
    const answer = await few;
    expect([answer.status, answer.headers.get('x-mmm-priority')]).toEqual([200, 'default']);
    for (let left = 10; left > 0; left -= 1) {
      await server.runsAny();
      server.end();
    }
    for (const { status } of await Promise.all(many)) expect(status).toBe(200);
  });

  it('keeps to its own limits, and to those of the team that it names', async () => {
    const server = await ModelServer.start(service, 'openai');
    await change(service, 'PUT', '/api/v1/teams/small', { limits: { requests_per_minute: 1 } });
    const { key, name } = await keyFor(['small', 'large'], { limits: { requests_per_minute: 2 } });
    const call = (team: string, headers: Headers = bearer(key)) =>
      service.post(
        '/v1/chat/completions',
        { model: server.model, messages: MESSAGES },
        forTeam(headers, team),
      );
    expect((await call('small')).status).toBe(200);
    expect(await call('small')).toMatchObject({ status: 429, text: expect.stringContaining('small') });
    expect(await call('small', root)).toMatchObject({ status: 429, text: expect.stringContaining('small') });
    expect((await call('large')).status).toBe(200);
    expect(await call('large')).toMatchObject({ status: 429, text: expect.stringContaining(name) });
  });

  it('of every team takes turns for names that no admin wrote, and its own team is charged', async () => {
    const server = await ModelServer.start(service, 'openai');
    const { id, key } = await keyFor(['*'], { team: 'portal', role: 'operator' });
    await change(service, 'PUT', '/api/v1/teams/known', {});
    const body = { model: server.model, messages: MESSAGES };
    const tenants = [];
    // The second one in UTF-8, as clients send it.
    for (const team of ['known', Buffer.from('Änne').toString('latin1')]) {
      expect((await service.post('/v1/chat/completions', body, forTeam(bearer(key), team))).status).toBe(200);
      const { json } = await service.post(
        `/api/v1/models/${server.model}/explain`,
        body,
        forTeam(bearer(key), team),
      );
      tenants.push((json as { tenant: string }).tenant);
    }
    expect(tenants).toEqual(['known', 'Änne']);
    expect(await requestsOf(id, 2)).toEqual({ known: 1, portal: 1 });
  });

  it('names what the header may hold', async () => {
    for (const team of ['', ' ', 'x'.repeat(101), '\u00ff', '*', 'ads*', 'search, ads'])
      expect(await service.post('/v1/chat/completions', {}, forTeam(root, team))).toMatchObject({
        status: 400,
        text: expect.stringContaining('x-mmm-tenant'),
      });
    // Twice is joined on the way.
    const { key } = await keyFor(['*']);
    const twice = [...Object.entries(bearer(key)), ['x-mmm-tenant', 'search'], ['x-mmm-tenant', 'ads']];
    const answer = await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: twice as [string, string][],
      body: '{}',
    });
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('x-mmm-tenant: must be the name of one team, sent once'),
    ]);
    await expect(change(service, 'PUT', `/api/v1/teams/*`, {})).rejects.toThrow(/not \*/);
  });

  it('keeps the field through changes that leave it out, and shows it', async () => {
    const { id, key } = await keyFor(['ads', '*']);
    const stored = async () => (await service.get(`/api/v1/keys/${id}`, root)).json;
    // As the console saves a key.
    await change(service, 'PATCH', `/api/v1/keys/${id}`, { team: 'front-end', models: null });
    expect(await stored()).toMatchObject({ team: 'front-end', may_act_for: ['ads', '*'] });
    expect((await service.get('/api/v1/me', bearer(key))).json).toMatchObject({ may_act_for: ['ads', '*'] });
    await change(service, 'PATCH', `/api/v1/keys/${id}`, { may_act_for: null });
    expect(await stored()).toMatchObject({ may_act_for: null });
    for (const wrong of [
      [],
      [' '],
      ['a,b'],
      ['a*'],
      ['a '],
      ['a', 'a'],
      'a',
      Array.from({ length: 101 }, (_, at) => `team ${at}`),
    ])
      await expect(change(service, 'PATCH', `/api/v1/keys/${id}`, { may_act_for: wrong })).rejects.toThrow(
        /may_act_for/,
      );
    await expect(service.database.query(`UPDATE api_key SET may_act_for = '{""}'`)).rejects.toThrow(
      /api_key_may_act_for_named/,
    );
    await service.database.query(`UPDATE api_key SET may_act_for = '{ads}' WHERE id = $1`, [id]);
    await until(async () => {
      const { json } = await service.get('/api/v1/me', bearer(key));
      return (json as { may_act_for: string[] | null }).may_act_for?.join() === 'ads';
    });
  });
});
