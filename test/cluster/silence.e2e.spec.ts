import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  }, 60_000);

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
  }, 60_000);
});
