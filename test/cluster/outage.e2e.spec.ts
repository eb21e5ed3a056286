import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, keyOf, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { Clients } from './clients.js';
import { Cluster, QUICK, RETRIED } from './cluster.js';
import { PostgresServer } from './postgres-server.js';
import { untilAll } from '../until.js';

/** A shortened minute: much longer than all intervals and leases of these replicas. */
const AWAY_MS = 8_000;

const SETTINGS = { ...QUICK, tuning: { health: { ...QUICK.tuning.health, leaseMs: 2_000 } } };

let cluster: Cluster;
let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
  cluster = await Cluster.start([{}, {}, {}], SETTINGS, postgres);
});
afterAll(() => cluster.close());

describe('PostgreSQL killed under load', RETRIED, () => {
  it('fails no request; writes answer 503 until PostgreSQL is back, and then all replicas converge', async () => {
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const [m, kept] = [aWorker(upstream), aWorker(upstream, { owner: 'an owner' })];
    for (const worker of [m, kept]) expect((await cluster.replica(0).register(worker)).status).toBe(200);
    const { replicas } = cluster;
    await untilAll(replicas, 1_000, async (replica) => (await replica.chat(m.model_name)) === 200);
    await untilAll(replicas, 1_000, async (replica) => (await replica.chat(kept.model_name)) === 200);
    // The summary is also read from memory.
    await untilAll(replicas, 1_000, async (replica) => {
      const { json: summary } = await replica.get('/health');
      return (summary as { workers: { healthy?: number } }).workers.healthy === 2;
    });
    const clients = Clients.of(replicas, m.model_name);

    await postgres.kill();
    await sleep(AWAY_MS);

    for (const replica of replicas) {
      for (const refused of [
        await replica.register(aWorker(upstream)),
        await replica.post('/api/server/offline', keyOf(m)),
      ]) {
        expect(refused.status).toBe(503);
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect((await replica.get('/readyz')).status).toBe(200);
      expect(await replica.metric('mmm_registry_age_seconds')).toBeGreaterThan(AWAY_MS / 1_000 - 1);
      const list = await replica.get('/api/server/workers');
      expect(list).toMatchObject({ status: 200, json: { success: true, data: [keyOf(m), keyOf(kept)] } });
      expect(await viewsOf(replica, kept.model_name)).toMatchObject([
        { owner: 'an owner', admin_state: 'enabled', health: 'healthy' },
      ]);
    }

    await postgres.restart();
    await postgres.query(`UPDATE worker SET admin_state = 'disabled' WHERE model_name = $1`, [
      kept.model_name,
    ]);
    await untilAll(replicas, 15_000, async (replica) => (await replica.chat(kept.model_name)) === 503);
    const later = aWorker(upstream);
    await untilAll(replicas, 15_000, async (replica) =>
      [200, 409].includes((await replica.register(later)).status),
    );
    await untilAll(
      replicas,
      15_000,
      async (replica) => (await replica.metric('mmm_registry_age_seconds')) < 5,
    );

    for (const tally of await clients.stop()) {
      expect(Object.keys(tally)).toEqual(['200']);
      expect(tally['200']).toBeGreaterThan(100);
    }
  });
});
