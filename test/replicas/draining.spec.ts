import { describe, expect, it } from 'vitest';
import { LiveWorkers } from '../../src/registry/live/live-workers.js';
import { databaseForTest, type TestDatabase } from '../database.js';
import { type TestService } from '../service.js';
import { until } from '../until.js';
import { CountingUpstream, replicasForTest } from './replicas-for-test.js';

const stateOf = async (database: TestDatabase): Promise<unknown> =>
  (await database.query<{ readonly admin_state: string }>('SELECT admin_state FROM worker'))[0]?.admin_state;
const set = (database: TestDatabase, state: string) =>
  database.query('UPDATE worker SET admin_state = $1', [state]);
const answersOf = (services: readonly TestService[]) =>
  Promise.all(services.map((service) => service.chat('m', 'hi')));
const statusesOf = async (services: readonly TestService[]) =>
  (await answersOf(services)).map(({ status }) => status);
const knownState = (service: TestService) => service.app.get(LiveWorkers).model('m')?.workers[0]?.adminState;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A replica that the test simulates. */
const OTHER = '00000000-0000-4000-8000-000000000000';
const addOther = (database: TestDatabase) =>
  database.query(`INSERT INTO replica (id, host, seen_at) VALUES ($1, 'other', now() + interval '1 hour')`, [
    OTHER,
  ]);
const reportDrained = (database: TestDatabase, sinceMs: number) =>
  database.query(
    `UPDATE replica SET drained = (SELECT json_build_object(id, $2::bigint) FROM worker) WHERE id = $1`,
    [OTHER, sinceMs],
  );
/** The report of the real replica: the start of the draining of a worker without running requests. */
async function drainedSince(database: TestDatabase): Promise<number | undefined> {
  const rows = await database.query<{ readonly drained: Readonly<Record<string, number>> }>(
    'SELECT drained FROM replica WHERE id <> $1',
    [OTHER],
  );
  return Object.values(rows[0]?.drained ?? {})[0];
}

describe('a draining worker', () => {
  it('gets no new request on any replica, finishes running ones, and is offline when all are done', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database);
    const crowd = await CountingUpstream.thatHolds();
    await crowd.register(services[0], 64);
    const running = answersOf(services);
    await until(() => crowd.upstream.calls === 3);
    await set(database, 'draining');
    await until(() => services.every((service) => knownState(service) === 'draining'));
    expect(await statusesOf(services)).toEqual([503, 503, 503]);
    expect(await stateOf(database)).toBe('draining');
    crowd.open();
    expect((await running).map(({ status }) => status)).toEqual([200, 200, 200]);
    await until(async () => (await stateOf(database)) === 'offline');
    expect(crowd.upstream.calls).toBe(3);
    const events = await database.query(`SELECT actor FROM event WHERE kind = 'offline'`);
    expect(events).toEqual([{ actor: 'drained' }]);
    await until(async () => (await statusesOf(services)).every((status) => status === 404));
  });

  it('is not taken offline while requests run, however often it is drained and enabled', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(2, database);
    const crowd = await CountingUpstream.thatHolds();
    await crowd.register(services[0], 64);
    const running = services[0].chat('m', 'long');
    await until(() => crowd.upstream.calls === 1);
    for (const ms of [50, 600, 0, 300, 20, 700]) {
      await set(database, 'draining');
      await pause(ms);
      await set(database, 'enabled');
    }
    await set(database, 'draining');
    await pause(1_200);
    expect(await database.query(`SELECT FROM event WHERE kind = 'offline'`)).toEqual([]);
    crowd.open();
    expect((await running).status).toBe(200);
    await until(async () => (await stateOf(database)) === 'offline');
  });

  it('is not taken offline by a report about an earlier draining, and does not wait for a dead replica', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database);
    const crowd = await CountingUpstream.of(10);
    await crowd.register(service, 64);
    await addOther(database);
    await set(database, 'draining');
    await until(async () => (await drainedSince(database)) !== undefined);
    const first = (await drainedSince(database)) ?? 0;
    await set(database, 'enabled');
    await set(database, 'draining');
    await reportDrained(database, first);
    await until(async () => ((await drainedSince(database)) ?? first) !== first);
    const second = (await drainedSince(database)) ?? 0;
    await pause(1_200);
    expect(await stateOf(database)).toBe('draining');
    await reportDrained(database, second);
    await until(async () => (await stateOf(database)) === 'offline');

    // A dead replica reports nothing, and the drain timeout of ten minutes is not waited for.
    await crowd.register(service, 64);
    await database.query(
      `UPDATE replica SET drained = '{}', seen_at = now() - interval '16 s' WHERE id = $1`,
      [OTHER],
    );
    await set(database, 'draining');
    await until(async () => (await stateOf(database)) === 'offline');
  });

  it('waits at most DRAIN_TIMEOUT_MS for a living replica', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database, { DRAIN_TIMEOUT_MS: '8000' });
    const crowd = await CountingUpstream.of(10);
    await crowd.register(service, 64);
    await addOther(database);
    await set(database, 'draining');
    await until(async () => (await drainedSince(database)) !== undefined);
    expect(await stateOf(database)).toBe('draining');
    await until(async () => (await stateOf(database)) === 'offline');
  });
});
