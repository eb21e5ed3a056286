import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { SleepingEngine } from '../fakes/sleeping-engine.js';
import { until } from '../until.js';
import { replicasForTest } from './replicas-for-test.js';

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
    expect((await service.chat('sleepy', 'hi')).status).toBe(200);

    engine.isAsleep = true;
    await until(async () => (await power()) === 'asleep');
    const [found] = await database.query<{ reason: string }>('SELECT reason FROM worker_power');
    expect(found?.reason).toBe(
      'asleep: GET /is_sleeping answers 200 with the text of asleep_when.body_match',
    );
    expect((await service.chat('sleepy', 'hi')).status).toBe(200);
    expect(engine.wakeCalls).toBe(1);

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
  }, 90_000);
});
