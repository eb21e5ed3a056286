import { describe, expect, it, onTestFinished } from 'vitest';
import { describeRefusals } from '../../src/health/start-check.js';
import { databaseForTest } from '../database.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest, startService, type TestService } from '../service.js';
import { until } from '../until.js';

const GOOD = { WORKER_SECRET_FOO: 'a-secret' };
/** Each keeps a replica from a worker of this machine with a sealed header and a secret. */
const BAD = {
  addresses: { ...GOOD, UPSTREAM_DENY_CIDRS: '127.0.0.0/8' },
  keys: { ...GOOD, CREDENTIALS_KEYS: `k2:${Buffer.alloc(32, 9).toString('base64')}` },
  secrets: {},
} as const;

const readyz = async (service: TestService) => {
  const { status, json: page } = await service.get('/readyz');
  return [status, page];
};
const isHeld = async (service: TestService) => (await readyz(service))[0] === 503;

describe('a replica that starts with settings that keep it from every worker', () => {
  it('is not ready and says why, until no other replica can call the workers; then it is, and stays so', async () => {
    const database = await databaseForTest();
    const good = await startService(GOOD, database);
    let isStopped = false;
    const stop = async () => {
      if (!isStopped) await good.stop();
      isStopped = true;
    };
    onTestFinished(stop);
    // Of a host that has a name, the address is known only to DNS.
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const definition = aWorker(upstream);
    for (const [name, url] of [
      ['a', upstream.url],
      ['b', upstream.url.replace('127.0.0.1', 'localhost')],
    ] as const) {
      const worker = { ...definition, name, req_url_template: `${url}/${name}` };
      const header = { authorization: 'Bearer ${secret:FOO}', 'x-password': 'sealed' };
      expect((await good.register({ ...worker, header })).status).toBe(200);
    }
    await until(async () => (await good.get('/health')).text.includes('"healthy":2'));

    const held = await Promise.all(
      Object.values(BAD).map((settings) => serviceForTest(settings, database, { waitsForReady: false })),
    );
    const isSaid = async (service: TestService) => {
      const { text } = await service.get('/readyz');
      return text.includes('misconfigured');
    };
    await until(async () => !(await Promise.all(held.map(isSaid))).includes(false));
    expect(await Promise.all(held.map(readyz))).toEqual(
      [
        /none of 2 .*UPSTREAM_DENY_CIDRS .*refuses the address \(workers: 2\)/,
        /CREDENTIALS_KEYS lacks the key of the credentials \(workers: 2\)/,
        /a secret is missing .* \(workers: 2\)/,
      ].map((reason) => [503, { status: 'misconfigured', reason: expect.stringMatching(reason) }]),
    );
    // Services of one process share a logger.
    const lines = JSON.stringify([good, ...held].map(({ log }) => log));
    expect(lines.match(/not ready: [^"]* Such as \S+ \(worker \S+\): an upstream may not be/g)).toHaveLength(
      1,
    );
    expect(await good.chat(definition.model_name, 'hi')).toMatchObject({ status: 200 });
    expect(await Promise.all(held.map(isHeld))).toEqual([true, true, true]);

    await stop();
    await until(async () => !(await Promise.all(held.map(isHeld))).includes(true), 30_000);
    const again = await serviceForTest(GOOD, database);
    expect(await readyz(again)).toEqual([200, { status: 'ready' }]);
    expect(await Promise.all(held.map(isHeld))).toEqual([false, false, false]);
  });

  it('counts the workers by the setting that is wrong', () => {
    const refusals = (['keys', 'addresses', 'keys'] as const).map((setting) => ({ setting }));
    expect(describeRefusals(refusals)).toBe(
      'this replica can call none of 3 enabled worker(s), and another replica can: CREDENTIALS_KEYS lacks the key of the credentials (workers: 2); ' +
        'UPSTREAM_ALLOW_CIDRS, UPSTREAM_DENY_CIDRS or UPSTREAM_ALLOW_LOOPBACK refuses the address (workers: 1)',
    );
  });
});
