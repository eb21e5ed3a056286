import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, change, limitedKey, root, SETTINGS } from '../access/limited-keys.js';
import { type Answer, startService, type TestService } from '../service.js';
import { HeldServer } from './held-server.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SETTINGS);
});
afterAll(() => service.stop());

const keyOf = async (team: string | null) =>
  bearer((await limitedKey(service, null, team === null ? {} : { team })).key);

describe('teams that want the same slot', () => {
  it.each([
    ['teams', 'flood', 'calm'],
    ['keys without a team', null, null],
  ])('take turns, however many requests one of the %s has', async (title, one, other) => {
    const server = await HeldServer.start(service, `turns-${title.length}`, { max: 100 });
    const [flood, calm] = await Promise.all([keyOf(one), keyOf(other)]);
    const many: Promise<Answer>[] = [server.chat('first', 'default', {}, flood)];
    await server.runs('first');
    for (let at = 0; at < 20; at += 1) many.push(server.chat(`many ${at}`, 'default', {}, flood));
    await server.waits('default', 20);
    const few = [server.chat('one', 'default', {}, calm)];
    await server.waits('default', 21);
    await server.finish('first');
    // Of those that wait it came last.
    await server.finish('one');
    expect(await few[0]).toMatchObject({ status: 200, text: expect.stringContaining('one') });
    for (let left = 20; left > 0; left -= 1) {
      await server.runsAny();
      server.end();
    }
    for (const answer of await Promise.all(many)) expect(answer.status).toBe(200);
  });

  it('lose the places of a full queue by how much of it they have', async () => {
    const server = await HeldServer.start(service, 'full', { max: 3 });
    const [flood, calm] = await Promise.all([keyOf('flood'), keyOf('calm')]);
    const many = [server.chat('first', 'default', {}, flood)];
    await server.runs('first');
    for (let at = 0; at < 3; at += 1) {
      many.push(server.chat(`many ${at}`, 'default', {}, flood));
      await server.waits('default', at + 1);
    }
    const few = server.chat('few', 'default', {}, calm);
    const dropped = await many[3];
    expect(dropped).toMatchObject({ status: 503, text: expect.stringContaining('your queue is full') });
    expect(Number(dropped?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const { text } = await service.get('/metrics', root);
    for (const [team, count] of [
      ['flood', 2],
      ['calm', 1],
    ])
      expect(text).toContain(`mmm_team_requests_queued{model="full",team="${team}"} ${count}`);
    expect(await server.chat('too many', 'default', {}, flood)).toMatchObject({ status: 503 });
    for (const prompt of ['first', 'few', 'many 0', 'many 1']) await server.finish(prompt);
    expect(await few).toMatchObject({ status: 200 });
    for (const answer of await Promise.all(many.slice(0, 3))) expect(answer.status).toBe(200);
  });

  it('have a name that is not spaces alone', async () => {
    await expect(change(service, 'PUT', '/api/v1/teams/%20%20', {})).rejects.toThrow(/not spaces alone/);
    await expect(limitedKey(service, null, { team: ' ' })).rejects.toThrow(/team: must not be spaces alone/);
  });

  it('have a weight from 1 to 1000, which every change of the team says anew', async () => {
    const weightOf = async () => (await service.get('/api/v1/teams/heavy', root)).json;
    await change(service, 'PUT', '/api/v1/teams/heavy', { weight: 3 });
    expect(await weightOf()).toMatchObject({ weight: 3 });
    await change(service, 'PUT', '/api/v1/teams/heavy', {});
    expect(await weightOf()).toMatchObject({ weight: 1 });
    for (const weight of [0, 1001, 1.5, 'much'])
      await expect(change(service, 'PUT', '/api/v1/teams/heavy', { weight })).rejects.toThrow(/weight/);
    await expect(service.database.query('UPDATE team SET weight = 0')).rejects.toThrow(/team_weight_range/);
  });

  it('are changed in part by PATCH, which keeps what it leaves out and knows the generation', async () => {
    const path = '/api/v1/teams/part%2Fof';
    const patch = (body: unknown, headers: Readonly<Record<string, string>> = root) =>
      fetch(service.url + path, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    expect((await patch({ weight: 2 })).status).toBe(404);
    const limits = { requests_per_minute: 5, tokens_per_month: 1_000 };
    await change(service, 'PUT', path, { weight: 3, max_priority: 'default', labels: { a: 'b' }, limits });
    const answer = await patch({ weight: 4, limits: { requests_per_minute: null, max_concurrent: 2 } });
    const etag = answer.headers.get('etag') ?? '';
    expect(etag).toBe('"2"');
    const stored = {
      name: 'part/of',
      weight: 4,
      max_priority: 'default',
      labels: { a: 'b' },
      limits: { requests_per_minute: null, max_concurrent: 2, tokens_per_month: 1_000 },
      generation: 2,
    };
    expect(await answer.json()).toMatchObject(stored);
    expect((await patch({ weight: 5 }, { ...root, 'if-match': '"1"' })).status).toBe(412);
    for (const wrong of [[], 'much', { weight: 0 }, { wieght: 2 }, { limits: { requests_per_minute: -1 } }])
      expect((await patch(wrong)).status).toBe(400);
    expect((await service.get(path, root)).json).toMatchObject(stored);
    const defaults = await patch({ weight: null, max_priority: null }, { ...root, 'if-match': etag });
    expect(await defaults.json()).toMatchObject({
      weight: 1,
      max_priority: 'interactive',
      labels: { a: 'b' },
    });
    const viewer = bearer((await limitedKey(service, null, { role: 'viewer' })).key);
    expect((await patch({ weight: 2 }, viewer)).status).toBe(403);
  });
});
