import { describe, expect, it, onTestFinished } from 'vitest';
import { Cluster } from '../cluster/cluster.js';
import { Replica } from '../cluster/replica.js';
import { databaseForTest, type TestDatabase } from '../database.js';
import { openFolder } from '../embedded-postgres/folders.js';
import { serviceForTest, TEST_KEYS } from '../service.js';
import { until } from '../until.js';
import { CountingUpstream } from './replicas-for-test.js';

const CAP = 6;
const PATIENT = { CREDENTIALS_KEYS: TEST_KEYS, BALANCING_QUEUE_WAIT_MS: '120000' };

/** A replica that is only a row, as of a process that was killed or of the release before. */
const addRow = (database: TestDatabase, knows: string | null) =>
  database.query(
    `INSERT INTO replica (id, host, seen_at, knows) VALUES (gen_random_uuid(), 'other', now() + interval '1 hour', $1)`,
    [knows],
  );
const ownRow = (database: TestDatabase) =>
  database.query<{ settled: boolean; knows: readonly string[] }>(
    `SELECT settled, knows FROM replica WHERE host <> 'other'`,
  );

describe('a replica that joins', () => {
  it('waits for one that is paused, so that the limit is never exceeded, and serves once that one goes on', async () => {
    const cluster = await Cluster.start([{}], PATIENT);
    onTestFinished(() => cluster.close());
    const { database } = cluster;
    const paused = cluster.replica(0);
    const crowd = await CountingUpstream.thatHolds();
    const { status } = await paused.register({
      model_name: 'm',
      req_url_template: `${crowd.upstream.url}/x`,
      body: { q: '{USER_PROMPT}' },
      max_concurrency: CAP,
      health_check: { kind: 'none' },
    });
    expect(status).toBe(200);
    const running = Array.from({ length: CAP }, () => paused.chat('m'));
    await until(() => crowd.atOnce === CAP);
    paused.signal('SIGSTOP');
    // However slow the machine is, it does not count as dead.
    await database.query(`UPDATE replica SET seen_at = now() + interval '1 hour'`);
    const joining = await Replica.spawn(database.address, openFolder(), { environment: PATIENT });
    onTestFinished(() => joining.close());
    await until(() => JSON.stringify(joining.log).includes('has not noticed this one yet'), 90_000);
    const waiting = Array.from({ length: CAP }, () => joining.chat('m'));
    const { status: readiness } = await joining.get('/readyz');
    expect([readiness, crowd.atOnce]).toEqual([503, CAP]);
    paused.signal('SIGCONT');
    await joining.ready();
    crowd.open();
    expect(await Promise.all([...running, ...waiting])).toEqual(Array.from({ length: 2 * CAP }, () => 200));
    expect(crowd.mostAtOnce).toBe(CAP);
  });

  it.each([
    ['of the release before, which does not say what it knows', null],
    ['without a connection, which knows nothing of it', '{}'],
  ])('does not wait long for one %s', async (_which, knows) => {
    const database = await databaseForTest();
    await addRow(database, knows);
    const service = await serviceForTest({}, database);
    const crowd = await CountingUpstream.of(1);
    await crowd.register(service, CAP);
    expect((await service.chat('m', 'hi')).status).toBe(200);
    expect(await ownRow(database)).toEqual([{ settled: true, knows: [expect.any(String)] }]);
  });

  it('is known to the others by the time it is ready, and they to it', async () => {
    const database = await databaseForTest();
    const services = [await serviceForTest({}, database), await serviceForTest({}, database)];
    services.push(...(await Promise.all([1, 2].map(() => serviceForTest({}, database)))));
    // Of those that start together, each knows the other as soon as both are ready.
    const rows = await ownRow(database);
    expect(rows.map(({ settled, knows }) => [settled, knows.length])).toEqual(
      services.map(() => [true, services.length - 1]),
    );
  });
});
