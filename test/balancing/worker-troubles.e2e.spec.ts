import { beforeEach, afterEach, describe, expect, it } from 'vitest';
import { databaseForTest, type TestDatabase } from '../database.js';
import { json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

interface TroubleRow {
  readonly state: string;
  readonly cause: string;
  readonly failures: number;
  readonly last_error: string;
  readonly requests: string;
  readonly health: string;
}

let service: TestService;
let database: TestDatabase;
beforeEach(async () => {
  database = await databaseForTest();
  service = await startService({}, database);
});
afterEach(() => service.stop());

const rows = () =>
  database.query<TroubleRow>(
    `SELECT t.state, t.cause, t.failures, t.last_error, o.requests, o.health FROM worker_trouble t JOIN worker_overview o ON o.id = t.worker_id`,
  );
const kinds = async () =>
  (
    await database.query<{ kind: string }>(
      `SELECT kind FROM event WHERE kind IN ('failing', 'ejected', 'serving') ORDER BY id`,
    )
  ).map(({ kind }) => kind);
const healthPage = async () => (await service.get('/health')).json as { workers: object; failing: object[] };
/** Enough at once that every worker gets some. */
const chats = (count: number) => Promise.all(Array.from({ length: count }, () => service.chat('m', 'hi')));
const metrics = async () => (await service.get('/metrics')).text;

describe('a model whose workers fail every request, though probes find them well', () => {
  it('is called failing in psql, /health, the API, events and metrics, with the last error, until a request succeeds', async () => {
    const upstream = await upstreamForTest((response, request) =>
      json({ error: 'CUDA out of memory' }, request.method === 'GET' ? 200 : 500)(response, request),
    );
    for (const name of ['a', 'b']) await service.register({ ...aWorker(upstream), model_name: 'm', name });
    for (let call = 0; call < 6; call += 1) expect((await service.chat('m', 'hi')).status).not.toBe(200);

    await until(async () => (await rows()).length === 2);
    for (const row of await rows()) {
      expect(row).toMatchObject({ state: 'failing', cause: '' });
      expect(row.failures).toBeGreaterThanOrEqual(3);
      expect(row.last_error).toContain('500');
      expect(row.requests).toMatch(/^failing since .* on .*: .*500/);
    }
    expect(await healthPage()).toMatchObject({
      workers: { failing: 2 },
      failing: [{ error_type: 'worker_error' }, { error_type: 'worker_error' }],
    });
    for (const view of await viewsOf(service, 'm'))
      expect(view).toMatchObject({ requests: 'failing', last_error: expect.stringContaining('500') });
    expect(await metrics()).toMatch(/^mmm_workers\{model="m",state="failing"\} 2$/m);
    expect(await kinds()).toEqual(['failing', 'failing']);

    upstream.behave(json({ answer: 'fine' }));
    await until(async () => {
      await chats(12);
      return (await rows()).length === 0;
    });
    expect(await healthPage()).toMatchObject({ failing: [] });
    expect(await kinds()).toEqual(['failing', 'failing', 'serving', 'serving']);
  });
});

describe('an ejected worker', () => {
  it('is shown with cause and last error in psql, counted by cause, and back in the history', async () => {
    const sick = await upstreamForTest((response, request) =>
      json({ error: 'no' }, request.method === 'GET' ? 200 : 500)(response, request),
    );
    const well = await upstreamForTest(slow(100, json({ answer: 'fine' })));
    await service.register({ ...aWorker(sick), model_name: 'm', name: 'sick' });
    await service.register({ ...aWorker(well), model_name: 'm', name: 'well' });
    let row: TroubleRow | undefined;
    await until(async () => {
      await chats(40);
      row = (await rows()).find(({ state }) => state === 'ejected');
      return row !== undefined;
    });
    expect(row?.cause).toBe('it failed requests that other workers served, or too many in a row');
    expect(row?.last_error).toContain('500');
    expect(await metrics()).toMatch(/^mmm_worker_ejections_total\{model="m",cause="failure"\} [1-9]/m);

    sick.behave(json({ answer: 'fine' }));
    await until(async () => {
      await chats(12);
      return (await rows()).length === 0;
    });
    expect((await kinds()).at(-1)).toBe('serving');
  });
});
