import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Behaviour, inTurn, json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
beforeAll(async () => {
  // The budget for retries is the same however long the cases take.
  service = await startService({ tuning: { retry: { windowMs: 3_600_000 } } });
});
afterAll(() => service.stop());

const ok = json({ answer: 'x' });
const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (response) =>
    response.writeHead(code, headers).end('{}');

/** Holds answers back until they are let go. */
function held(answer: Answer) {
  const gate = { letGo: (): void => undefined };
  const opened = new Promise<void>((open) => (gate.letGo = open));
  const holds: Answer = (...of) => void opened.then(() => answer(...of));
  return { holds, letGo: () => gate.letGo() };
}

/** One worker for each behaviour, without probes, so that all effects come from requests. */
async function model(name: string, behaviours: readonly Behaviour[], more: object = {}, policy?: object) {
  for (const behaviour of behaviours) {
    const upstream = await upstreamForTest(behaviour);
    const worker = aWorker(upstream, { model_name: name, health_check: { kind: 'none' }, ...more });
    expect((await service.register(worker)).status).toBe(200);
  }
  if (policy === undefined) return;
  const { ok: isSet } = await fetch(`${service.url}/api/v1/models/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(policy),
  });
  expect(isSet).toBe(true);
}

const statuses = async (name: string, times: number): Promise<readonly number[]> =>
  (await Promise.all(Array.from({ length: times }, () => service.chat(name, 'hello')))).map(
    ({ status: of }) => of,
  );

/** The samples of one metric and model: the other labels → value. */
async function samples(metric: string, name: string): Promise<Readonly<Record<string, number>>> {
  const { text } = await service.get('/metrics');
  const lines = text.matchAll(new RegExp(`^${metric}\\{(.*)model="${name}",?(.*)\\} (\\S+)$`, 'gm'));
  return Object.fromEntries(
    [...lines].map(([, before = '', after = '', value]) => [before + after, Number(value)]),
  );
}

/** A request is counted just after its answer. */
const outcomesOf = (name: string) => () => samples('mmm_requests_total', name);
const logOf = (name: string) => service.log.filter((line) => line['model'] === name && 'status' in line);

describe('retries', () => {
  it('are counted by their cause, and as spent or refused by the retry budget', async () => {
    await model('r-500', [status(500), status(500)]);
    // The budget grants ten retries, or one for five requests, whichever is more.
    // One after another: both workers fail as often at any time, so that none is ejected and each retry finds the other one.
    for (let sent = 0; sent < 16; sent++) expect(await statuses('r-500', 1)).toEqual([502]);
    await expect
      .poll(() => samples('mmm_retry_budget_total', 'r-500'))
      .toEqual({ 'result="spent"': 10, 'result="refused"': 6 });
    await expect.poll(() => samples('mmm_retries_total', 'r-500')).toEqual({ 'cause="500"': 10 });
  });

  it('after a refused connection need no budget', async () => {
    await model('r-gone', ['resets'], { priority: 0 });
    await model('r-gone', [ok], { priority: 1 });
    for (let sent = 0; sent < 2; sent++) expect(await statuses('r-gone', 1)).toEqual([200]);
    await expect.poll(() => samples('mmm_retries_total', 'r-gone')).toEqual({ 'cause="connection"': 2 });
    expect(await samples('mmm_retry_budget_total', 'r-gone')).toEqual({});
  });
});

describe('fallbacks', () => {
  it('are counted by model and whether they served, and named in the log', async () => {
    await model('f-good', [ok]);
    await model('f-bad', [status(500)]);
    await model('f', [status(500)], {}, { fallbacks: ['f-bad', 'f-good'] });
    expect(await statuses('f', 1)).toEqual([200]);
    await expect
      .poll(() => samples('mmm_fallbacks_total', 'f'))
      .toEqual({
        'fallback_model="f-bad",outcome="failed"': 1,
        'fallback_model="f-good",outcome="ok"': 1,
      });
    await until(() => logOf('f').length > 0);
    expect(logOf('f')).toMatchObject([{ status: 200, model: 'f', fallback_model: 'f-good', attempts: 3 }]);
    await expect.poll(outcomesOf('f')).toEqual({ 'outcome="ok"': 1 });
  });

  it('of a model without workers are counted under the name that was requested', async () => {
    await model('f-other', [ok]);
    await model('f-absent', [], {}, { fallbacks: ['f-other'] });
    expect(await statuses('f-absent', 1)).toEqual([200]);
    await expect.poll(outcomesOf('f-absent')).toEqual({ 'outcome="ok"': 1 });
    expect(await outcomesOf('f-other')()).toEqual({});
  });
});

describe('the queue', () => {
  it('shows how long requests waited, those without a wait included, in metrics and log', async () => {
    const { holds, letGo } = held(ok);
    await model('q', [inTurn(ok, holds, ok, ok)], { max_concurrency: 1 });
    expect(await statuses('q', 1)).toEqual([200]);
    // Nothing has waited: no series.
    expect(await samples('mmm_queue_wait_seconds_count', 'q')).toEqual({});
    const three = statuses('q', 3);
    await expect.poll(() => samples('mmm_requests_queued', 'q')).toMatchObject({ 'priority="default"': 2 });
    await sleep(100);
    letGo();
    expect(await three).toEqual([200, 200, 200]);
    expect(await samples('mmm_queue_wait_seconds_count', 'q')).toEqual({ '': 4 });
    expect((await samples('mmm_queue_wait_seconds_bucket', 'q'))['le="0.01",']).toBe(2);
    const { '': waitedS = 0 } = await samples('mmm_queue_wait_seconds_sum', 'q');
    expect(waitedS).toBeGreaterThan(0.1);
    await until(() => logOf('q').length === 4);
    const waits = logOf('q').map((line) => line['queue_ms']);
    expect(waits.filter((ms) => ms === undefined)).toHaveLength(2);
    expect(waits.filter((ms) => Number(ms) > 30)).toHaveLength(2);
  });

  it('distinguishes too many requests from an outage by their outcome', async () => {
    const one = { max_concurrency: 1 };
    const full = held(ok);
    const late = held(ok);
    await model('o-full', [full.holds], one, { queue: { max: 0 } });
    await model('o-late', [late.holds], one, { queue: { wait_ms: 20 } });
    const later = { 'retry-after': '60' };
    await model('o-429', [status(429, later), status(429, later)]);
    await model('o-down', [ok]);
    await service.database.query(`UPDATE worker SET admin_state = 'disabled' WHERE model_name = 'o-down'`);
    await until(async () => (await service.chat('o-down', 'hello')).status === 503);
    for (const [name, { letGo }] of [
      ['o-full', full],
      ['o-late', late],
    ] as const) {
      const both = [service.chat(name, 'hello'), service.chat(name, 'hello')];
      expect((await Promise.race(both)).status).toBe(503);
      letGo();
      expect((await Promise.all(both)).map(({ status: of }) => of)).toContain(200);
    }
    await statuses('o-429', 1);
    expect(await statuses('o-429', 1)).toEqual([503]);

    const ends = (...outcomes: string[]) =>
      Object.fromEntries(outcomes.map((outcome) => [`outcome="${outcome}"`, 1]));
    await expect.poll(outcomesOf('o-full')).toEqual(ends('ok', 'policy_queue_full'));
    await expect.poll(outcomesOf('o-late')).toEqual(ends('ok', 'policy_queue_timeout'));
    await expect.poll(outcomesOf('o-429')).toEqual(ends('worker_error', 'policy_all_throttled'));
    await expect.poll(outcomesOf('o-down')).toMatchObject({ 'outcome="policy_all_down"': 1 });
    expect(await samples('mmm_usable_workers', 'o-down')).toEqual({ '': 0 });
    expect(await samples('mmm_usable_workers', 'o-full')).toEqual({ '': 1 });
    expect(await samples('mmm_workers', 'o-down')).toEqual({ 'state="disabled"': 1 });
  });
});

describe('the database', () => {
  const figures = async () => {
    const { text } = await service.get('/metrics');
    const of = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    return { up: of('mmm_database_up'), writable: of('mmm_database_writable'), listen: of('mmm_listen_up') };
  };

  it('is shown as up and not writable while it only takes reads, as a standby does', async () => {
    await expect.poll(figures).toEqual({ up: 1, writable: 1, listen: 1 });
    const [row] = await service.database.query<{ name: string }>('SELECT current_database() AS name');
    const readOnly = async (value: 'on' | 'off') => {
      await service.database.query(
        `ALTER DATABASE ${row?.name} SET default_transaction_read_only = ${value}`,
      );
      await service.database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
    };
    await readOnly('on');
    await expect.poll(figures).toMatchObject({ up: 1, writable: 0 });
    expect((await service.get('/health')).json).toMatchObject({ database: 'read-only' });
    await service.database.query('SET default_transaction_read_only = off');
    await readOnly('off');
    await expect.poll(figures).toEqual({ up: 1, writable: 1, listen: 1 });
  });

  it('has a pool whose connections add up', async () => {
    const page = async () => (await service.get('/metrics')).text;
    const of = async (...states: string[]) => {
      const text = await page();
      const numbers = states.map((state) =>
        Number(new RegExp(`^mmm_database_pool\\{state="${state}"\\} (\\d+)$`, 'm').exec(text)?.[1]),
      );
      return numbers.reduce((sum, number) => sum + number, 0);
    };
    await expect.poll(() => of('in_use', 'idle')).toBeGreaterThan(0);
    await expect.poll(() => of('waiting')).toBe(0);
    expect(await page()).toMatch(/^mmm_database_pool_limit 10$/m);
  });
});
