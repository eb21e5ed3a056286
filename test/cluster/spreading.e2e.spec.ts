import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, keyOf, upstreamForTest } from '../fixtures/worker.js';
import { Cluster, QUICK, RETRIED } from './cluster.js';
import type { Replica } from './replica.js';
import { untilAll } from '../until.js';

/** So long that these replicas learn of changes only by NOTIFY. */
const NO_POLLING = { tuning: { ...QUICK.tuning, registry: { resyncMs: 3_600_000 } } };
/** Like a service behind a pooler without a direct connection: LISTEN never succeeds. */
const NO_LISTENING = {
  DATABASE_DIRECT_URL: 'postgres://nologin@127.0.0.1:9/none',
  MIGRATE_ON_START: 'false',
};

let cluster: Cluster;
let listening: readonly Replica[];
let polling: readonly Replica[];
beforeAll(async () => {
  const each = [NO_POLLING, NO_POLLING, NO_LISTENING];
  cluster = await Cluster.start(
    each.map((environment) => ({ environment })),
    QUICK,
  );
  listening = cluster.replicas.slice(0, 2);
  polling = cluster.replicas.slice(2);
});
afterAll(() => cluster.close());

/** Within one second if replicas listen, within ten if they only poll. */
async function seenByAll(isSo: (replica: Replica) => Promise<boolean>): Promise<void> {
  await Promise.all([untilAll(listening, 1_000, isSo), untilAll(polling, 10_000, isSo)]);
}

const answers = (model: string, status: number) => async (replica: Replica) =>
  (await replica.chat(model)) === status;

async function registered() {
  const upstream = await upstreamForTest(json({ answer: 'fine' }));
  const worker = aWorker(upstream);
  expect((await cluster.replica(0).register(worker)).status).toBe(200);
  return worker;
}

describe('a worker changed by hand in psql', RETRIED, () => {
  it('reaches every replica within one second, or within ten if LISTEN is impossible', async () => {
    const { database } = cluster;
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const [updated, deleted] = [await registered(), await registered()];
    for (const { model_name } of [updated, deleted]) await seenByAll(answers(model_name, 200));

    await database.query(`UPDATE worker SET admin_state = 'disabled' WHERE model_name = $1`, [
      updated.model_name,
    ]);
    await database.query('DELETE FROM worker WHERE model_name = $1', [deleted.model_name]);
    await database.query(
      `INSERT INTO worker (model_name, req_url_template, body) VALUES ('inserted', $1, '{"p": "{USER_PROMPT}"}')`,
      [`${upstream.url}/x`],
    );

    await Promise.all([
      seenByAll(answers(updated.model_name, 503)),
      seenByAll(answers(deleted.model_name, 404)),
      seenByAll(answers('inserted', 200)),
    ]);
    const lines = polling.flatMap(({ log }) =>
      log.filter(({ msg }) => String(msg).includes('not listening')),
    );
    expect(lines).toHaveLength(1);
  });
});

describe('a worker registered on one replica', RETRIED, () => {
  it('is callable at once on all replicas, even if LISTEN is impossible', async () => {
    const { model_name } = await registered();
    for (const replica of cluster.replicas) expect(await replica.chat(model_name)).toBe(200);
  });

  it('gets its share of a model with other workers within a second on every replica', async () => {
    const first = await registered();
    for (const replica of listening) expect(await replica.chat(first.model_name)).toBe(200);
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const second = aWorker(upstream, { model_name: first.model_name });
    expect((await cluster.replica(0).register(second)).status).toBe(200);
    await untilAll(listening, 1_000, async (replica) => {
      const before = upstream.calls;
      expect(await replica.chat(first.model_name)).toBe(200);
      return upstream.calls > before;
    });
  });
});

describe('a worker taken offline on one replica', RETRIED, () => {
  it('is refused by the other replicas within a second', async () => {
    const worker = await registered();
    for (const replica of cluster.replicas) expect(await replica.chat(worker.model_name)).toBe(200);
    expect((await cluster.replica(0).post('/api/server/offline', keyOf(worker))).status).toBe(200);
    expect(await cluster.replica(0).chat(worker.model_name)).toBe(404);
    await untilAll(listening, 1_000, answers(worker.model_name, 404));
  });
});
