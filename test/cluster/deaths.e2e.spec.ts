import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeUpstream, json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { PATIENT_MS, until, untilAll, within } from '../until.js';
import { Clients } from './clients.js';
import { Cluster, QUICK, RETRIED } from './cluster.js';
import { Ingress } from './ingress.js';
import type { Replica } from './replica.js';

const fine = json({ answer: 'fine' });
const CLEAN = { code: 0, signal: null };
const LEASE_MS = 15_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start([{}, {}, {}], {
    ...QUICK,
    tuning: { health: { ...QUICK.tuning.health, leaseMs: LEASE_MS } },
    HEALTH_TIMEOUT_MS: '5000',
    SHUTDOWN_DELAY_MS: '1000',
  });
});
afterAll(() => cluster.close());

async function registered(delayMs = 0): Promise<string> {
  const worker = aWorker(await upstreamForTest(delayMs === 0 ? fine : slow(delayMs, fine)));
  expect((await cluster.replica(0).register(worker)).status).toBe(200);
  return worker.model_name;
}

const serves = (model: string) =>
  untilAll(cluster.replicas, 1_000, async (replica) => (await replica.chat(model)) === 200);

describe('a drained worker', RETRIED, () => {
  it('finishes its long calls, gets no new ones from any replica, and is offline after its last call', async () => {
    const upstream = await upstreamForTest(slow(3_000, fine));
    const worker = aWorker(upstream);
    expect((await cluster.replica(0).register(worker)).status).toBe(200);
    const running = cluster.replicas.map((replica) => replica.chat(worker.model_name));
    await until(() => upstream.calls === running.length, PATIENT_MS);
    await cluster.database.query(`UPDATE worker SET admin_state = 'draining' WHERE model_name = $1`, [
      worker.model_name,
    ]);
    await untilAll(cluster.replicas, 1_000, async (replica) => {
      const answer = await Promise.race([replica.chat(worker.model_name), sleep(1_000, 0)]);
      return answer === 503 || answer === 404;
    });
    expect(await stateOf(worker.model_name)).toBe('draining');
    expect(new Set(await Promise.all(running))).toEqual(new Set([200]));
    await expect.poll(() => stateOf(worker.model_name), within(5_000)).toBe('offline');
  });

  it('finishes its streams', async () => {
    const upstream = await streaming('drained', 3_000);
    const request = { model: 'drained', stream: true, messages: [{ role: 'user', content: 'hi' }] };
    const running = cluster.replicas.map((replica) => replica.post('/v1/chat/completions', request));
    await until(() => upstream.calls === running.length, PATIENT_MS);
    await cluster.database.query(`UPDATE worker SET admin_state = 'draining' WHERE model_name = 'drained'`);
    const streams = (await Promise.all(running)).map(({ json: text }) => String(text));
    for (const text of streams) {
      expect(text).toContain('"content":"14 "');
      expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    }
    await expect.poll(() => stateOf('drained'), within(5_000)).toBe('offline');
  });
});

/** A worker whose streams of 15 words take so long. @returns its upstream */
async function streaming(model: string, ms: number): Promise<FakeUpstream> {
  const upstream = await upstreamForTest((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let at = 0;
    const timer = setInterval(() => {
      response.write(`data: {"choices":[{"index":0,"delta":{"content":"${at} "}}]}\n\n`);
      if (++at === 15) response.end('data: [DONE]\n\n');
    }, ms / 15);
    response.once('close', () => clearInterval(timer));
  });
  const worker = {
    model_name: model,
    req_url_template: `${upstream.url}/v1`,
    protocol: 'openai',
    health_check: { kind: 'none' },
  };
  expect((await cluster.replica(0).register(worker)).status).toBe(200);
  return upstream;
}

describe('a rolling restart of three replicas', RETRIED, () => {
  it('loses no request that arrives through an ingress, and cuts no stream', async () => {
    const model = await registered(20);
    await serves(model);
    const upstream = await streaming('long', 1_800);
    const request = {
      model: 'long',
      stream: true,
      max_tokens: 99,
      messages: [{ role: 'user', content: 'hi' }],
    };
    const ingress = new Ingress(cluster.replicas, model, 8);
    for (const replica of cluster.replicas) {
      // Passed through, and translated: each is in its middle at SIGTERM, and longer than the delay after it.
      const before = upstream.calls;
      const paths = ['/v1/chat/completions', '/v1/chat/completions', '/v1/messages', '/v1/messages'];
      const running = paths.map((path) => replica.post(path, request));
      await until(() => upstream.calls === before + paths.length, PATIENT_MS);
      expect(await replica.restart()).toEqual(CLEAN);
      for (const { json: text } of await Promise.all(running)) {
        const words = [...String(text).matchAll(/"(?:content|text)":"(\d+) "/g)].map(([, word]) => word);
        expect(words).toEqual(Array.from({ length: 15 }, (_, at) => String(at)));
        expect(String(text)).toMatch(/data: \[DONE\]\n\n$|"type":"message_stop"\}\n\n$/);
      }
    }
    const tally = await ingress.stop();
    expect(Object.keys(tally)).toEqual(['200']);
    expect(tally['200']).toBeGreaterThan(100);
  });
});

describe('kill -9 of one of three replicas under load', RETRIED, () => {
  it('causes no error on the other two, which take over its leases within 20 s', async () => {
    const slowProbes = await upstreamForTest(slow(2_000, fine));
    for (let at = 0; at < 24; at++) {
      const probed = { model_name: 'probed', name: String(at), health_check: { path: `/slow-${at}` } };
      expect((await cluster.replica(0).register(aWorker(slowProbes, probed))).status).toBe(200);
    }
    const model = await registered();
    await serves(model);
    const clients = Clients.of(cluster.replicas, model);
    await until(async () => (await owners()) === 3, PATIENT_MS);
    const scarce = await slotTakenBy(cluster.replica(2));

    await cluster.replica(2).killed();
    // A request that arrives now waits for the slot and gets it before the queue timeout.
    const inItsPlace = cluster.replica(0).chat(scarce);

    const [killed] = await cluster.database.query<{ at: string }>('SELECT now()::text AS at');
    // By now the living replicas have released the leases that they held then.
    await sleep(6_000);
    const orphans = await cluster.database.query<{ worker_id: string }>(
      `SELECT worker_id FROM worker_probe WHERE lease_until - $1 * interval '1 ms' < $2::timestamptz`,
      [LEASE_MS, killed?.at],
    );
    expect(orphans).not.toHaveLength(0);
    const ids = orphans.map(({ worker_id }) => worker_id);
    await untilAll([ids], 20_000 - 6_000, async (these) => {
      const probed = await cluster.database.query(
        'SELECT FROM worker_probe WHERE worker_id = ANY ($1) AND last_probe_at > $2::timestamptz',
        [these, killed?.at],
      );
      return probed.length === these.length;
    });

    expect(await inItsPlace).toBe(200);
    const [first, second] = await clients.stop();
    for (const tally of [first, second]) expect(Object.keys(tally ?? {})).toEqual(['200']);
  });
});

/** A worker with one slot, which a request of this replica holds until it is killed. @returns its model */
async function slotTakenBy(replica: Replica): Promise<string> {
  const upstream = await upstreamForTest('hangs');
  const worker = aWorker(upstream, { max_concurrency: 1, health_check: { kind: 'none' } });
  expect((await cluster.replica(0).register(worker)).status).toBe(200);
  replica.chat(worker.model_name).catch(() => {});
  await until(() => upstream.calls === 1, PATIENT_MS);
  upstream.behave(fine);
  const leased = await cluster.database.query('SELECT FROM worker_slot WHERE lease_until > now()');
  expect(leased).toHaveLength(1);
  return worker.model_name;
}

async function stateOf(model: string): Promise<string | undefined> {
  const rows = await cluster.database.query<{ admin_state: string }>(
    'SELECT admin_state FROM worker WHERE model_name = $1',
    [model],
  );
  return rows[0]?.admin_state;
}

/** The number of replicas that hold leases. */
async function owners(): Promise<number> {
  const rows = await cluster.database.query(
    'SELECT DISTINCT lease_owner FROM worker_probe WHERE lease_until > now()',
  );
  return rows.length;
}
