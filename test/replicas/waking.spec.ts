import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { Sleeper } from '../fakes/sleeper.js';
import type { TestService } from '../service.js';
import { until } from '../until.js';
import { replicasForTest } from './replicas-for-test.js';

describe('a worker that sleeps, behind three replicas', () => {
  it('is woken once for requests at all of them, and every one of them is served', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database);
    const sleeper = await Sleeper.asleep();
    const [first] = services as [TestService, ...TestService[]];
    await sleeper.register(first);
    const answers = await Promise.all(
      services.flatMap((service) => [1, 2, 3].map(() => service.chat('sleepy', 'hi'))),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(sleeper.wakeCalls).toBe(1);
    await until(async () => {
      const [power] = await database.query<{ state: string; usual: boolean }>(
        'SELECT state, usual_wake_ms IS NOT NULL AS usual FROM worker_power',
      );
      return power?.state === 'awake' && power.usual;
    });
    const events = await database.query<{ kind: string }>(
      `SELECT kind FROM event WHERE kind IN ('asleep', 'waking', 'awake', 'unhealthy', 'suspect') ORDER BY id`,
    );
    expect(events.map(({ kind }) => kind)).toEqual(['asleep', 'waking', 'awake']);
  });

  it('is woken by hand, by another replica than the one that died, and after a failure; a request says why it failed', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(2, database, {
      SCHEDULING_HOLD_S: '1',
      BALANCING_QUEUE_WAIT_MS: '500',
    });
    const sleeper = await Sleeper.asleep();
    sleeper.status = 500;
    const [first] = services as [TestService, ...TestService[]];
    await sleeper.register(first);
    let refused = await first.chat('sleepy', 'hi');
    await until(async () => {
      refused = await first.chat('sleepy', 'hi');
      return refused.text.includes('waking failed because');
    });
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('waking failed because a wake request got HTTP 500');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1);
    sleeper.status = 200;
    // As a waker that was killed leaves it.
    await database.query(
      `UPDATE worker_power SET state = 'waking', lease_owner = 'dead', lease_until = now() - interval '1 second'`,
    );
    await until(async () => (await first.chat('sleepy', 'hi')).status === 200);
    // Its replica serves what waits before the row says so.
    await until(async () => {
      const [row] = await database.query<{ state: string }>('SELECT state FROM worker_power');
      return row?.state === 'awake';
    });
    expect(await database.query('SELECT failures, lease_owner FROM worker_power')).toEqual([
      { failures: 0, lease_owner: null },
    ]);
    const calls = sleeper.wakeCalls;
    await database.query(`UPDATE worker_power SET state = 'waking'`);
    await until(() => sleeper.wakeCalls > calls);
  });
});

describe('a worker that sleeps, and that nothing probes', () => {
  it('is given up when its wake request gets no answer in time, and is left alone for a while then', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database, {
      SCHEDULING_HOLD_S: '1',
      BALANCING_QUEUE_WAIT_MS: '500',
    });
    const sleeper = await Sleeper.asleep();
    sleeper.status = null;
    await sleeper.register(service, { timeout_s: 1 }, { health_check: { kind: 'none' } });
    await until(async () =>
      (await service.chat('sleepy', 'hi')).text.includes('waking failed because it was not ready within 1 s'),
    );
    const lastProbe = async () => (await database.query('SELECT last_probe_at::text FROM worker_probe'))[0];
    // What takes the place of a probe says nothing of its power.
    for (let round = 0; round < 2; round += 1) {
      const before = JSON.stringify(await lastProbe());
      await database.query('UPDATE worker_probe SET next_probe_at = now()');
      await until(async () => JSON.stringify(await lastProbe()) !== before);
    }
    expect(await database.query('SELECT state, next_wake_at > since AS pauses FROM worker_power')).toEqual([
      { state: 'asleep', pauses: true },
    ]);
    const kinds = await database.query(`SELECT kind FROM event WHERE kind = 'awake'`);
    expect(kinds).toEqual([]);
  });
});

describe('requests that wait for a worker that sleeps', () => {
  it('learn why they got none: at their deadline, when it is disabled, and when it is deleted', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database);
    const sleeper = await Sleeper.asleep();
    sleeper.status = null;
    await sleeper.register(service);
    // The first attempt is refused, which shows that it sleeps.
    const late = await service.chat('sleepy', 'hi', { 'x-request-timeout-ms': '1500' });
    expect([late.status, late.text]).toEqual([503, expect.stringContaining('asleep')]);

    const row = async () => {
      const [power] = await database.query<{ id: string; state: string; reason: string }>(
        'SELECT worker_id AS id, state, reason FROM worker_power',
      );
      return power;
    };
    await until(async () => (await row())?.state === 'waking');
    const worker = `/api/v1/workers/${(await row())?.id}`;
    expect((await service.post(`${worker}/disable`, {})).status).toBe(200);
    await until(async () => (await row())?.state === 'asleep');
    expect((await row())?.reason).toBe('it was taken out of use');

    const calls = sleeper.wakeCalls;
    expect((await service.post(`${worker}/enable`, {})).status).toBe(200);
    const held = service.chat('sleepy', 'hi');
    await until(() => sleeper.wakeCalls > calls);
    expect((await fetch(`${service.url}${worker}`, { method: 'DELETE' })).ok).toBe(true);
    const removed = await held;
    expect([removed.status, removed.text]).toEqual([
      503,
      expect.stringContaining('its last worker was removed'),
    ]);
  });
});
