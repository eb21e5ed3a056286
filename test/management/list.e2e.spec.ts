import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { databaseBehindProxy } from '../database-behind-proxy.js';
import { aWorker } from '../fixtures/worker.js';
import { startProcess } from '../process.js';
import { serviceForTest, type TestService } from '../service.js';
import { allPages, call, list, type WorkerJson } from './client.js';

const anything = { url: 'http://127.0.0.1:9' };
const namesOf = (workers: readonly WorkerJson[]) => workers.map((worker) => worker['name']);

async function register(service: TestService, ...workers: Readonly<Record<string, unknown>>[]) {
  for (const more of workers) {
    const { status, text } = await call(service, 'POST', '', aWorker(anything, more));
    if (status !== 201) throw new Error(text);
  }
}

describe('GET /api/v1/workers', () => {
  it('lists all workers, oldest first, offline ones too, without their definitions', async () => {
    const service = await serviceForTest();
    expect(await list(service)).toEqual({ data: [], next_cursor: null });
    await register(
      service,
      { name: 'c' },
      { name: 'a', header: { authorization: 'listed-secret' } },
      { name: 'b' },
    );
    const { data } = await list(service);
    await call(service, 'POST', `/${data[0]?.id}/offline`);
    const after = await list(service);
    expect([namesOf(after.data), after.data[0]?.admin_state, after.next_cursor]).toEqual([
      ['c', 'a', 'b'],
      'offline',
      null,
    ]);
    expect(after.data[0]).toMatchObject({
      admin_state_by: 'root',
      in_flight: 0,
      ejected_until: null,
      generation: 1,
    });
    expect(Object.keys(after.data[1] ?? {})).not.toContain('header');
    expect(JSON.stringify(after)).not.toContain('listed-secret');
  });

  it('filters by model, owner, states and labels, each of them several times', async () => {
    const service = await serviceForTest();
    await register(
      service,
      { name: '1', model_name: 'meta/llama', owner: 'red', labels: { gpu: 'a100', zone: 'eu' } },
      { name: '2', model_name: 'meta/llama', owner: 'blue', labels: { gpu: 'h100', zone: 'eu' } },
      { name: '3', model_name: 'other', owner: 'red', labels: { gpu: 'a100', 'a:b': 'c:d', '100%': 'ä' } },
      { name: '4', model_name: 'other' },
    );
    const ids = new Map((await list(service)).data.map(({ id, name }) => [name, id]));
    await call(service, 'POST', `/${ids.get('2')}/disable`);
    await call(service, 'POST', `/${ids.get('3')}/offline`);
    await service.database.query(
      `UPDATE worker SET health = CASE name WHEN '1' THEN 'healthy' ELSE 'suspect' END`,
    );
    await service.database.query(
      `UPDATE worker_probe SET next_probe_at = 'infinity', lease_owner = NULL, lease_until = NULL`,
    );
    for (const [query, names] of [
      ['model_name=meta/llama', ['1', '2']],
      ['model_name=meta%2Fllama&owner=red', ['1']],
      ['model_name=meta', []],
      ['owner=red', ['1', '3']],
      ['owner=', ['4']],
      ['admin_state=enabled', ['1', '4']],
      ['admin_state=disabled&admin_state=offline', ['2', '3']],
      ['label=gpu:a100', ['1', '3']],
      ['label=gpu:a100&label=zone:eu', ['1']],
      ['label=gpu', ['1', '2', '3']],
      ['label=gpu:a', []],
      ['label=a:b:c:d', ['3']],
      ['label=a:b', ['3']],
      ['label=100%25:%C3%A4', ['3']],
      ['label=%27;DROP', []],
      ['sort=-created_at&owner=red', ['3', '1']],
    ] as const)
      expect([query, namesOf((await list(service, `?${query}`)).data)]).toEqual([query, names]);
    const healths = await list(
      service,
      '?health=healthy&health=unhealthy&health=suspect&health=unknown&health=warming',
    );
    expect(healths.data).toHaveLength(4);
  });

  it('sorts by any column in both directions, across all pages', async () => {
    const service = await serviceForTest();
    const models = ['b', 'B', 'a', 'ä', '中', 'a b', '"', 'z'.repeat(200), '\u{1f600}'];
    await register(
      service,
      ...models.map((model_name, index) => ({
        model_name,
        name: String(index),
        weight: 1 + (index % 3),
        priority: index % 2,
        owner: index % 2 === 0 ? '' : 'me',
      })),
    );
    const sorts = [
      'created_at',
      'updated_at',
      'health_since',
      'model_name',
      'owner',
      'health',
      'admin_state',
      'weight',
      'priority',
    ];
    await service.database.query(`UPDATE worker_probe SET next_probe_at = 'infinity'`);
    for (const sort of sorts) {
      if (sort.startsWith('health')) continue;
      const up = await allPages(service, `limit=2&sort=${sort}`);
      const down = await allPages(service, `limit=3&sort=-${sort}`);
      expect([sort, new Set(namesOf(up)).size]).toEqual([sort, models.length]);
      expect([sort, namesOf(down)]).toEqual([sort, namesOf(up).toReversed()]);
      const values = up.map((worker) => worker[sort]) as (string | number)[];
      const ordered = values.toSorted((a, b) =>
        typeof a === 'number' ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(String(b))),
      );
      expect([sort, values]).toEqual([sort, ordered]);
    }
    for (const sort of ['health', '-health_since'])
      expect(await list(service, `?sort=${sort}`)).toMatchObject({ next_cursor: null });
  });

  it('shows every remaining row exactly once while other rows are added and removed between pages', async () => {
    const service = await serviceForTest();
    await register(service, ...Array.from({ length: 60 }, (_, index) => ({ name: `old-${index}` })));
    for (const sort of ['created_at', '-created_at', 'model_name', 'weight']) {
      const before = (await list(service, '?limit=200')).data;
      let pages = 0;
      const seen = await allPages(service, `limit=4&sort=${sort}`, async ({ data }) => {
        pages += 1;
        await register(service, { name: `new-${sort}-${pages}` });
        // One that was shown, and one at random.
        for (const gone of [data[0], before[(pages * 7) % before.length]])
          await call(service, 'DELETE', `/${gone?.id}`);
      });
      expect(pages).toBeGreaterThan(1);
      const ids = seen.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const still = new Set((await list(service, '?limit=200')).data.map(({ id }) => id));
      for (const { id } of before) expect(!still.has(id) || ids.includes(id)).toBe(true);
    }
  });

  it('sorts rows of the same time by id', async () => {
    const service = await serviceForTest();
    await register(service, ...Array.from({ length: 7 }, (_, index) => ({ name: String(index) })));
    await service.database.query(`UPDATE worker SET created_at = '2026-01-01T00:00:00.123456Z'`);
    for (const sort of ['created_at', '-created_at']) {
      const seen = await allPages(service, `limit=2&sort=${sort}`);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(7);
      expect(seen).toHaveLength(7);
    }
  });

  it('answers invalid parameters with a 400 that names the field', async () => {
    const service = await serviceForTest();
    const { next_cursor } = await register(service, {}, {}).then(() => list(service, '?limit=1'));
    const cursorOf = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const id = randomUUID();
    for (const [query, ...fields] of [
      ['limit=0', 'limit'],
      ['limit=201', 'limit'],
      ['limit=ten', 'limit'],
      ['limit=', 'limit'],
      ['limit=1&limit=2', 'limit'],
      ['limit[$gt]=1', 'limit[$gt]'],
      ['cursor=', 'cursor'],
      ['cursor=nonsense', 'cursor'],
      [`cursor=${'x'.repeat(5000)}`, 'cursor'],
      [`cursor=${next_cursor}&sort=model_name`, 'cursor'],
      [`cursor=${next_cursor}&cursor=${next_cursor}`, 'cursor'],
      [`cursor=${cursorOf(['created_at', 'x', id])}`, 'cursor'],
      [`cursor=${cursorOf(['created_at', '1e5', id])}`, 'cursor'],
      [`cursor=${cursorOf(['created_at', '1', 'x'])}`, 'cursor'],
      [`cursor=${cursorOf(['created_at', '1'])}`, 'cursor'],
      [`cursor=${cursorOf(['model_name', 'a\0', id])}&sort=model_name`, 'cursor'],
      [`cursor=${cursorOf({ length: 3 })}`, 'cursor'],
      ['sort=generation', 'sort'],
      ['sort=--created_at', 'sort'],
      ['sort=__proto__', 'sort'],
      ['sort=created_at;DROP', 'sort'],
      ['sort=created_at&sort=weight', 'sort'],
      ['health=sick', 'health'],
      ['health=healthy&health=sick', 'health'],
      ['admin_state=ENABLED', 'admin_state'],
      ['model_name=', 'model_name'],
      [`model_name=${'x'.repeat(201)}`, 'model_name'],
      ['model_name=a%00b', 'model_name'],
      ['model_name=a&model_name=b', 'model_name'],
      ['owner=%00', 'owner'],
      ['label=', 'label'],
      ['label=a%00', 'label'],
      ['label=a&label=', 'label'],
      ['modelname=x&page=2', 'modelname', 'page'],
      ['__proto__=x', '__proto__'],
      ['constructor=x', 'constructor'],
    ] as const) {
      const answer = await call(service, 'GET', `?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
      for (const field of fields)
        expect([query, answer.fields]).toEqual([query, expect.arrayContaining([field])]);
    }
    const extremes = [
      ['created_at', '-Infinity'],
      ['created_at', '999999999999999999.999999'],
      ['weight', '-1'],
    ];
    for (const [sort = '', value] of extremes)
      expect((await call(service, 'GET', `?sort=${sort}&cursor=${cursorOf([sort, value, id])}`)).status).toBe(
        200,
      );
  });
});

describe('the management API without its database', () => {
  it('answers every call with 503 and Retry-After until the database is back', async () => {
    const { url, proxy } = await databaseBehindProxy();
    const service = startProcess({ DATABASE_URL: url, HEALTH_INTERVAL_MS: '60000' });
    await service.ready();
    const { id } = (await call(service, 'PUT', '', aWorker(anything))).worker;
    await proxy.cut();
    const calls: readonly (readonly [string, string, unknown?])[] = [
      ['GET', ''],
      ['POST', '', aWorker(anything)],
      ['PUT', '', aWorker(anything)],
      ['GET', `/${id}`],
      ['PATCH', `/${id}`, { weight: 2 }],
      ['DELETE', `/${id}`],
      ['GET', `/${id}/events`],
      ...['enable', 'disable', 'drain', 'offline'].map((to) => ['POST', `/${id}/${to}`] as const),
    ];
    for (const [method, path, body] of calls) {
      const answer = await call(service, method, path, body);
      expect([method, path, answer.status, answer.headers.get('retry-after')]).toEqual([
        method,
        path,
        503,
        '5',
      ]);
      expect(answer.json).toMatchObject({ error: { type: 'api_error' } });
    }
    await proxy.open();
    await expect.poll(async () => (await call(service, 'PATCH', `/${id}`, { weight: 2 })).status).toBe(200);
  });
});
