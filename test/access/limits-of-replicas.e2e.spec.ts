import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseBehindProxy } from '../database-behind-proxy.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';
import { bearer, change, limitedKey, type LimitedKey, ModelServer, SETTINGS } from './limited-keys.js';

interface Ended {
  readonly status: number;
  readonly atMs: number;
  readonly caller: number;
}

/** How often each of eight callers sends, one request after the other: 2,000 a minute to 60. */
const PAUSES_MS = [30, 40, 60, 90, 150, 250, 500, 1_000];

/** A busy machine needs longer for so many requests, which is twice what a bucket of 120 admits at once. */
const FEWEST = 240;

/** Callers that each send to one replica until the time is over, and enough was sent. */
async function callAll(
  replicas: readonly TestService[],
  keys: readonly LimitedKey[],
  model: string,
  forMs: number,
): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  const startedMs = performance.now();
  await Promise.all(
    PAUSES_MS.map(async (pauseMs, caller) => {
      const { url } = replicas[caller % replicas.length] ?? { url: '' };
      const { key } = keys[caller % keys.length] ?? { key: '' };
      const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] });
      while (performance.now() - startedMs < forMs || ended.length < FEWEST) {
        const answer = await fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { ...bearer(key), 'content-type': 'application/json' },
          body,
        });
        await answer.arrayBuffer();
        ended.push({ status: answer.status, atMs: performance.now() - startedMs, caller });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }),
  );
  return ended;
}

const admittedOf = (ended: readonly Ended[]): number => ended.filter(({ status }) => status === 200).length;

describe('two replicas', () => {
  it('share the limits of keys and of teams as if they were one, keep to their parts while the database is away, and share again', async () => {
    const { database, url, proxy } = await databaseBehindProxy();
    const through = { ...database, address: { url } };
    const replicas = [await serviceForTest(SETTINGS, through), await serviceForTest(SETTINGS, through)];
    const [first, second] = replicas;
    if (first === undefined || second === undefined) throw new Error('unreachable');
    onTestFinished(() => proxy.open());
    const server = await ModelServer.start(first, 'openai');
    await change(first, 'PUT', '/api/v1/teams/three', { limits: { requests_per_minute: 120 } });
    const key = await limitedKey(first, { requests_per_minute: 120 });
    const three = await Promise.all([1, 2, 3].map(() => limitedKey(first, null, { team: 'three' })));
    const alone = await limitedKey(first, { requests_per_minute: 120 });
    for (const each of [key, ...three, alone]) await knownTo(second, each, server.model);

    for (const ended of await Promise.all([
      callAll(replicas, [key], server.model, 3_000),
      callAll(replicas, three, server.model, 3_000),
    ])) {
      expect(new Set(ended.map(({ status }) => status))).toEqual(new Set([200, 429]));
      // The bucket, and 2 a second. Two that share nothing admit twice as much; how near they come, whatever the machine, is
      // measured in virtual time (limit-sharing.spec.ts).
      const seconds = Math.max(...ended.map(({ atMs }) => atMs)) / 1_000;
      expect(Math.abs(admittedOf(ended) / (120 + 2 * seconds) - 1)).toBeLessThan(0.3);
    }

    await proxy.cut();
    const away = await callAll(replicas, [alone], server.model, 3_000);
    // Each has half of the bucket, and 1 a second.
    const parts = [0, 1].map((replica) => admittedOf(away.filter(({ caller }) => caller % 2 === replica)));
    const awaySeconds = Math.max(...away.map(({ atMs }) => atMs)) / 1_000;
    expect(Math.max(...parts)).toBeLessThan((60 + awaySeconds) * 1.3);
    expect(Math.max(...parts)).toBeGreaterThan(60 * 0.7);
    await proxy.open();
    await until(async () => {
      const rows = await database.query<{ requests_left: number }>(
        'SELECT requests_left FROM limit_use WHERE subject = $1',
        [`key ${alone.id}`],
      );
      return (rows[0]?.requests_left ?? 120) < 60;
    });
    const after = await callAll(replicas, [alone], server.model, 2_000);
    const afterSeconds = Math.max(...after.map(({ atMs }) => atMs)) / 1_000;
    expect(admittedOf(after)).toBeLessThan(90 + 2 * afterSeconds);
  });
});

/** Waits until a replica knows a key. */
async function knownTo({ url }: TestService, { key }: LimitedKey, model: string): Promise<void> {
  await until(async () => (await fetch(`${url}/v1/models/${model}`, { headers: bearer(key) })).ok);
}
