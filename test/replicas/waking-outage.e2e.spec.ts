import { describe, expect, it } from 'vitest';
import { databaseBehindProxy } from '../database-behind-proxy.js';
import { Sleeper } from '../fakes/sleeper.js';
import { startProcess } from '../process.js';
import { TEST_KEYS } from '../service.js';
import { until } from '../until.js';

/** The lease of a waking is short, so that the test need not wait for the real one. */
const TUNING = { waking: { leaseMs: 2_000, renewMs: 500 } };

describe('a replica that is killed while it wakes a worker, and a database that is away then', () => {
  it('is followed by another one, and every request there is served', async () => {
    const { database, url, proxy } = await databaseBehindProxy();
    const settings = { DATABASE_URL: url, CREDENTIALS_KEYS: TEST_KEYS, tuning: TUNING };
    const services = [startProcess(settings), startProcess(settings)];
    await Promise.all(services.map((service) => service.ready()));
    const [one, other] = services;
    if (one === undefined || other === undefined) throw new Error('no services');
    const sleeper = await Sleeper.asleep();
    // The first wake request gets no answer, and starts nothing.
    sleeper.status = null;
    await sleeper.register(one);

    const firstHere = one.chat('sleepy', 'hi').catch((error: unknown) => error);
    await until(() => sleeper.wakeCalls === 1);
    await until(() => one.stdout.includes('waking sleepy'));
    await until(async () => (await other.get('/api/v1/models/sleepy')).status === 200);
    const held = [1, 2, 3].map(() => other.chat('sleepy', 'hi'));
    await until(async () => {
      const metrics = (await other.get('/metrics')).json;
      return typeof metrics === 'string' && /^mmm_callers_held 3$/m.test(metrics);
    });

    await one.kill();
    await proxy.cut();
    expect(await firstHere).toBeInstanceOf(Error);
    sleeper.status = 200;
    await until(async () => {
      const [row] = await database.query<{ is_over: boolean }>(
        'SELECT lease_until < now() AS is_over FROM worker_power',
      );
      return row?.is_over === true;
    });
    expect(sleeper.wakeCalls).toBe(1);
    await proxy.open();
    const answers = await Promise.all(held);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(sleeper.wakeCalls).toBe(2);
    await until(() => other.stdout.includes('waking sleepy'));
  });
});
