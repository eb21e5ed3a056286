import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { databaseForTest, type TestDatabase } from '../database.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

const key = (id: string, byte: number): string => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const [K1, K2] = [key('k1', 1), key('k2', 2)];
const ROUND_MS = 150;
const SECRET = 'Bearer a-credential-0123456789';

async function replicaWith(database: TestDatabase, ...keys: readonly string[]) {
  const tuning = { replicas: { sealAnewMs: ROUND_MS } };
  const service = await startService({ CREDENTIALS_KEYS: keys.join(','), tuning }, database);
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopped ??= service.stop());
  onTestFinished(stop);
  return { ...service, stop };
}

it('seals credentials anew under the first key, once all replicas have it; then the former one may go', async () => {
  const database = await databaseForTest();
  const upstream = await upstreamForTest(json({ answer: 'x' }));
  const worker = aWorker(upstream, { header: { authorization: SECRET } });
  const keyInUse = async (): Promise<string | undefined> =>
    (
      await database.query<{ id: string }>(
        `SELECT split_part(sealed_header, '.', 2) AS id FROM worker WHERE sealed_header IS NOT NULL`,
      )
    )[0]?.id;
  const chat = async (service: TestService): Promise<unknown> => {
    const { status } = await service.chat(worker.model_name, 'hi');
    return [status, upstream.requests.at(-1)?.headers['authorization']];
  };

  const first = await replicaWith(database, K1);
  expect((await first.register(worker)).status).toBe(200);
  const second = await replicaWith(database, K1, K2);
  const third = await replicaWith(database, K2, K1);
  await sleep(4 * ROUND_MS);
  expect(await keyInUse(), 'one replica could not open it').toBe('k1');

  await first.stop();
  await until(async () => (await keyInUse()) === 'k2');
  await sleep(4 * ROUND_MS);
  expect(await keyInUse(), 'an older replica with the former order takes nothing back').toBe('k2');
  expect(await chat(second)).toEqual([200, SECRET]);
  expect(await chat(third)).toEqual([200, SECRET]);

  const last = await replicaWith(database, K2);
  expect(await chat(last)).toEqual([200, SECRET]);
});
