import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { SleepingEngine } from '../fakes/sleeping-engine.js';
import type { TestService } from '../service.js';
import { until } from '../until.js';
import { replicasForTest } from './replicas-for-test.js';

/** Until a replica has heard of it, it sends a request as to any worker that is awake. */
const knowsItSleeps = (replica: TestService): Promise<void> =>
  until(async () => {
    const { json } = await replica.get('/api/v1/workers');
    const { data } = json as { readonly data: readonly { readonly power: { readonly state: string } }[] };
    return data[0]?.power.state === 'asleep';
  });

describe('a worker that answers while it sleeps, and shows it', () => {
  it('is found asleep by its probe, woken for a request, and found awake when something else woke it', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database);
    const engine = await SleepingEngine.forTest();
    await service.register(engine.definition());
    const power = async (): Promise<string | undefined> => {
      const [row] = await database.query<{ state: string }>('SELECT state FROM worker_power');
      return row?.state;
    };
    const first = await service.chat('sleepy', 'hi');
    expect([first.status, first.headers.get('x-mmm-woke-ms')]).toEqual([200, null]);

    engine.isAsleep = true;
    await until(async () => (await power()) === 'asleep');
    await knowsItSleeps(service);
    const [found] = await database.query<{ reason: string }>('SELECT reason FROM worker_power');
    expect(found?.reason).toBe(
      'asleep: GET /is_sleeping answers 200 with the text of asleep_when.body_match',
    );
    const models = async () => ((await service.get('/api/v1/models')).json as { data: object[] }).data;
    expect(await models()).toEqual([expect.objectContaining({ name: 'sleepy', power: { asleep: 1 } })]);
    const woken = await service.chat('sleepy', 'hi');
    expect(woken.status).toBe(200);
    expect(engine.wakeCalls).toBe(1);
    const wokeMs = Number(woken.headers.get('x-mmm-woke-ms'));
    expect(wokeMs).toBeGreaterThan(0);
    expect(wokeMs).toBeLessThanOrEqual(Number(woken.headers.get('x-mmm-queue-ms')));

    await until(async () => (await power()) === 'awake');
    engine.isAsleep = true;
    await until(async () => (await power()) === 'asleep');
    engine.isAsleep = false;
    await until(async () => (await power()) === 'awake');
    expect((await service.chat('sleepy', 'hi')).status).toBe(200);
    expect(engine.wakeCalls).toBe(1);
    expect(engine.harmed).toBe(0);
    const health = await database.query(
      `SELECT kind FROM event WHERE kind IN ('unhealthy', 'suspect', 'ejected')`,
    );
    expect(health).toEqual([]);
  });
});

describe('a worker that is sent to sleep, behind two replicas', () => {
  it('stays awake when that fails, sleeps when it is unused, and is woken by a request that comes meanwhile', async () => {
    const database = await databaseForTest();
    const [idle, busy] = (await replicasForTest(2, database)) as [TestService, TestService];
    const engine = await SleepingEngine.forTest();
    const power = async () => {
      const [row] = await database.query<{ state: string; reason: string; owner: string | null }>(
        'SELECT state, reason, lease_owner AS owner FROM worker_power',
      );
      return row;
    };
    // As if it had not been used for an hour, and woke quickly.
    const unused = () =>
      database.query(
        `UPDATE worker_power SET last_used_at = now() - interval '1 hour', next_sleep_at = now(), usual_wake_ms = 1`,
      );
    engine.sleepStatus = 500;
    await idle.register(engine.definition(10));
    expect(engine.sleepCalls).toBe(0);
    await unused();
    await until(async () => (await power())?.reason.startsWith('sending it to sleep failed') === true);
    expect(await power()).toEqual({
      state: 'awake',
      reason: 'sending it to sleep failed because a sleep request got HTTP 500',
      owner: null,
    });
    expect(
      await database.query('SELECT sleep_failures, next_sleep_at > now() AS pauses FROM worker_power'),
    ).toEqual([{ sleep_failures: 1, pauses: true }]);
    expect((await busy.chat('sleepy', 'hi')).status).toBe(200);
    expect(engine.wakeCalls).toBe(0);

    engine.sleepStatus = 200;
    // The request above is written within a second, and counts.
    await until(async () => {
      if (!engine.isAsleep) await unused();
      return engine.isAsleep;
    });
    await until(async () => (await power())?.owner === null);
    expect(await power()).toMatchObject({
      state: 'asleep',
      reason: expect.stringMatching(/^no request for \d+ s$/),
    });
    expect(engine.sleepCalls).toBe(2);
    await knowsItSleeps(busy);
    expect((await busy.chat('sleepy', 'hi')).status).toBe(200);
    expect(engine.wakeCalls).toBe(1);

    engine.hold();
    const running = busy.chat('sleepy', 'long');
    await until(() => engine.running === 1);
    await until(async () => {
      await unused();
      return (await power())?.state === 'asleep';
    });
    await knowsItSleeps(idle);
    // One replica has a request there: nothing is sent until it ends, and another request wakes the worker before.
    const next = idle.chat('sleepy', 'next');
    await until(() => engine.wakeCalls === 2);
    await until(() => engine.running === 2);
    engine.open();
    expect((await running).status).toBe(200);
    expect((await next).status).toBe(200);
    expect(engine.sleepCalls).toBe(2);
    expect(engine.harmed).toBe(0);
  });
});
