import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { until, within } from '../until.js';
import { Cluster, RETRIED } from './cluster.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start([{}, {}]);
});
afterAll(() => cluster.close());

async function registered(): Promise<string> {
  const worker = aWorker(await upstreamForTest(json({ answer: 'fine' })));
  expect((await cluster.replica(0).register(worker)).status).toBe(200);
  return worker.model_name;
}

async function known(): Promise<string> {
  const model = await registered();
  for (const replica of cluster.replicas) expect(await replica.chat(model)).toBe(200);
  return model;
}

const setState = (model: string, state: string) =>
  cluster.database.query('UPDATE worker SET admin_state = $2 WHERE model_name = $1', [model, state]);

/** Holds the row of a worker; the next change of it waits. */
async function lockedRow(model: string): Promise<{ release: () => Promise<void> }> {
  const holder = new pg.Client(pgOptions(cluster.database.address(), 'holder'));
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM worker WHERE model_name = $1 FOR UPDATE', [model]);
  return { release: () => holder.end() };
}

async function isThereSession(condition: string): Promise<boolean> {
  const rows = await cluster.database.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'mmm % pool %' AND ${condition}`,
  );
  return rows.length > 0;
}

describe('a replica', RETRIED, () => {
  it('converges within 12 s after its LISTEN connection falls silent, and listens again', async () => {
    const model = await known();
    const deaf = cluster.replica(1);
    deaf.listening.silence();
    await setState(model, 'disabled');
    await expect.poll(() => cluster.replica(0).chat(model), within(1_000)).toBe(503);
    await expect.poll(() => deaf.chat(model), within(12_000)).toBe(503);
    await until(() => deaf.log.some(({ msg }) => msg === 'listening for changes again'), 30_000);
    await setState(model, 'enabled');
    await expect.poll(() => deaf.chat(model), within(1_000)).toBe(200);
  });

  it('that freezes in a transaction gives its locks back within seconds, and goes on when it wakes', async () => {
    const model = await known();
    const frozen = cluster.replica(1);
    const [worker] = await cluster.database.query<{ id: string }>(
      'SELECT id FROM worker WHERE model_name = $1',
      [model],
    );
    const row = await lockedRow(model);
    const change = frozen.post(`/api/v1/workers/${worker?.id}/disable`, {});
    await until(() => isThereSession(`wait_event_type = 'Lock'`));
    frozen.signal('SIGSTOP');
    await row.release();
    await until(() => isThereSession(`state = 'idle in transaction'`));
    // It waits for the lock, and gets it while the replica is still frozen.
    await setState(model, 'draining');
    frozen.signal('SIGCONT');
    expect((await change).status).toBe(503);
    await expect.poll(() => frozen.chat(model), within(10_000)).toBe(503);
    await setState(model, 'enabled');
    await expect.poll(() => frozen.chat(model), within(10_000)).toBe(200);
  });

  it('converges after it was stopped and continued', async () => {
    const changed = await known();
    const deleted = await known();
    const still = cluster.replica(1);
    still.signal('SIGSTOP');
    await setState(changed, 'disabled');
    await cluster.database.query('DELETE FROM worker WHERE model_name = $1', [deleted]);
    const added = await registered();
    await sleep(3_000);
    still.signal('SIGCONT');
    await expect.poll(() => still.chat(changed), within(10_000)).toBe(503);
    await expect.poll(() => still.chat(deleted), within(10_000)).toBe(404);
    expect(await still.chat(added)).toBe(200);
  });
});
