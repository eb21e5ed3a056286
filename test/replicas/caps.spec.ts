import { describe, expect, it } from 'vitest';
import { databaseBehindProxy } from '../database-behind-proxy.js';
import { databaseForTest } from '../database.js';
import { type TestService } from '../service.js';
import { until } from '../until.js';
import { countOf, CountingUpstream, replicasForTest } from './replicas-for-test.js';

interface Tally {
  readonly statuses: readonly number[];
  /** The number of answers that the clients of each replica received. */
  readonly served: readonly number[];
}

/** Runs `clients` clients at each replica, which send the next request when they have an answer. */
const callFor = (ms: number, services: readonly TestService[], clients: number): Promise<Tally> => {
  const endMs = performance.now() + ms;
  return callWhile(() => performance.now() < endMs, services, clients);
};

/** The same until the check of the answers so far fails, whatever the machine's speed. */
async function callWhile(
  goesOn: (served: readonly number[]) => boolean,
  services: readonly TestService[],
  clients: number,
): Promise<Tally> {
  const statuses = new Set<number>();
  const served = services.map(() => 0);
  const client = async (service: TestService, at: number): Promise<void> => {
    while (goesOn(served)) {
      const { status } = await service.chat('m', 'hi');
      statuses.add(status);
      if (status === 200) served[at] = (served[at] ?? 0) + 1;
    }
  };
  await Promise.all(
    services.flatMap((service, at) => Array.from({ length: clients }, () => client(service, at))),
  );
  return { statuses: [...statuses], served };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
/** All replicas of one process write to the log of the last one. */
const timesLogged = (services: readonly TestService[], message: string): number =>
  services.flatMap(({ log }) => log).filter(({ msg }) => msg === message).length;
const PATIENT = { BALANCING_QUEUE_WAIT_MS: '30000', tuning: { admission: { perSlot: 20 } } };

describe('the max_concurrency of a worker with three replicas', () => {
  it.each([1, 2])('is never exceeded if it is %d, and every replica gets its turn', async (cap) => {
    const DURATION_MS = 50;
    const CALLS = 60 * cap;
    const database = await databaseForTest();
    const services = await replicasForTest(3, database, PATIENT);
    const crowd = await CountingUpstream.of(DURATION_MS);
    await crowd.register(services[0], cap);
    // Turns count from when each replica has had one: before, they learn of each other's requests.
    await callWhile((so) => so.includes(0), services, 3);
    const isShared = (so: readonly number[]): boolean => Math.min(...so) > sum(so) / 6;
    // A few turns may be uneven; a replica that is always late stays behind in ten times as many.
    const goesOn = (so: readonly number[]): boolean =>
      sum(so) < CALLS || (!isShared(so) && sum(so) < 10 * CALLS);
    const { statuses, served } = await callWhile(goesOn, services, 3);
    expect(statuses).toEqual([200]);
    expect(crowd.mostAtOnce).toBe(cap);
    // Requests in flight at the end may add one to each client's replica.
    for (const count of served) expect(count + 3).toBeGreaterThan(sum(served) / 6);
  });

  it('is shared by the replicas if it is 64, and together they use all of it', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database, PATIENT);
    const crowd = await CountingUpstream.thatHolds();
    await crowd.register(services[0], 64);
    const answers = services.flatMap((service) =>
      Array.from({ length: 30 }, () => service.chat('m', 'hi').then(({ status }) => status)),
    );
    // Two replicas alone would reach no more than 43.
    await until(() => crowd.atOnce > 48);
    crowd.open();
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
    expect(crowd.mostAtOnce).toBeLessThanOrEqual(64);
    expect(await database.query('SELECT FROM worker_slot UNION ALL SELECT FROM worker_slot_wish')).toEqual(
      [],
    );
  });

  it('is used whole by the replica that all callers use if it is 4, and without the database another one still serves', async () => {
    const { database, url, proxy } = await databaseBehindProxy();
    const services = await replicasForTest(3, { ...database, address: { url } }, PATIENT);
    const crowd = await CountingUpstream.thatHolds();
    await crowd.register(services[0], 4);
    const call = async (at: number): Promise<number | undefined> =>
      (await services[at]?.chat('m', 'hi'))?.status;
    const calls = Array.from({ length: 10 }, () => call(0));
    await until(() => crowd.atOnce === 4);
    expect(crowd.mostAtOnce).toBe(4);
    await proxy.cut();
    const other = call(1);
    // It has none: once the database counts as away it uses one.
    await until(() => crowd.atOnce === 5);
    crowd.open();
    expect(await Promise.all([...calls, other])).toEqual(Array.from({ length: 11 }, () => 200));
  });

  it('serves all that wait when it falls below the number of replicas, though no request arrives any more', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database, PATIENT);
    const crowd = await CountingUpstream.of(200);
    await crowd.register(services[0], 6);
    const answers = Array.from({ length: 16 }, () => services[0]?.chat('m', 'hi'));
    await until(() => Promise.resolve(crowd.mostAtOnce > 0));
    await database.query('UPDATE worker SET max_concurrency = 2');
    const statuses = (await Promise.all(answers)).map((answer) => answer?.status);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('lets long requests take turns, even if one replica has many more of them', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database, PATIENT);
    const crowd = await CountingUpstream.of(600);
    await crowd.register(services[0], 1);
    const [eager, ...others] = services;
    const isOver = { yet: false };
    const crowding = Array.from({ length: 5 }, async () => {
      while (!isOver.yet) await eager?.chat('m', 'again');
    });
    const before = crowd.upstream.calls;
    const answers = await Promise.all(others.map((service) => service.chat('m', 'hi')));
    const turns = crowd.upstream.calls - before;
    isOver.yet = true;
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    // The others first wait until all know of their requests; meanwhile the first one goes on.
    expect(turns).toBeLessThan(25);
    expect(crowd.mostAtOnce).toBe(1);
    await Promise.all(crowding);
  });
});

describe('slots', () => {
  it('are not leased by a single replica', async () => {
    const database = await databaseForTest();
    const [service] = await replicasForTest(1, database);
    const crowd = await CountingUpstream.of(20);
    await crowd.register(service, 1);
    await callFor(500, [service], 3);
    expect(crowd.mostAtOnce).toBe(1);
    expect(await database.query('SELECT FROM worker_slot UNION ALL SELECT FROM worker_slot_wish')).toEqual(
      [],
    );
  });

  it('are released when there are no more requests, even one that is handed over while its request is cancelled', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database, PATIENT);
    // The other replicas have the time to hand over before a request is deleted.
    await database.query(`
      CREATE FUNCTION hesitate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF current_query() LIKE 'DELETE%' THEN PERFORM pg_sleep(0.3); END IF; RETURN NULL; END $$;
      CREATE TRIGGER hesitate BEFORE DELETE ON worker_slot_wish FOR EACH STATEMENT EXECUTE FUNCTION hesitate();`);
    const crowd = await CountingUpstream.of(20);
    await crowd.register(services[0], 1);
    await callFor(1_000, services, 2);
    const left = () => database.query('SELECT FROM worker_slot UNION ALL SELECT FROM worker_slot_wish');
    await until(async () => (await left()).length === 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await left()).toEqual([]);
  });

  it('are no longer needed when the other replicas stop', async () => {
    const database = await databaseForTest();
    const services = await replicasForTest(3, database, PATIENT);
    const crowd = await CountingUpstream.of(20);
    await crowd.register(services[0], 2);
    await callFor(500, services, 2);
    const [left, ...others] = services;
    await Promise.all(others.map((service) => service.stop()));
    await until(() => countOf(left) === 1);
    await until(async () => (await database.query('SELECT FROM worker_slot')).length === 0);
    const { statuses } = await callFor(500, [left], 4);
    expect(statuses).toEqual([200]);
    expect(crowd.mostAtOnce).toBe(2);
  });

  it('are not needed while the database is away: each replica uses one without waiting', async () => {
    const { database, url, proxy } = await databaseBehindProxy();
    const through = { ...database, address: { url } };
    const services = await replicasForTest(2, through, PATIENT);
    const crowd = await CountingUpstream.of(50);
    await crowd.register(services[0], 1);
    await callFor(500, services, 1);
    expect(crowd.mostAtOnce).toBe(1);
    await proxy.cut();
    const { statuses, served } = await callWhile((so) => so.some((count) => count < 6), services, 2);
    expect(statuses).toEqual([200]);
    expect(Math.min(...served)).toBeGreaterThan(5);
    expect(crowd.mostAtOnce).toBe(2);
    await proxy.open();
    await until(() => timesLogged(services, 'leasing slots again') === 2, 30_000);
    crowd.mostAtOnce = 0;
    expect((await callFor(1_000, services, 2)).statuses).toEqual([200]);
    expect(crowd.mostAtOnce).toBe(1);
  });
});
