import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import type { TestService } from '../service.js';
import { until } from '../service.js';
import { Crowd, replicas } from './crowd.js';

interface Tally {
  readonly statuses: ReadonlyMap<number, number>;
  /** Answers that each replica's callers got. */
  readonly served: readonly number[];
  readonly longestMs: number;
}

/** So many callers at each replica, who ask again as soon as they have an answer. */
async function callFor(ms: number, services: readonly TestService[], callers: number): Promise<Tally> {
  const statuses = new Map<number, number>();
  const served = services.map(() => 0);
  const endMs = performance.now() + ms;
  let longestMs = 0;
  const caller = async (service: TestService, at: number): Promise<void> => {
    while (performance.now() < endMs) {
      const sinceMs = performance.now();
      const { status } = await service.chat('m', 'hi');
      longestMs = Math.max(longestMs, performance.now() - sinceMs);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200) served[at] = (served[at] ?? 0) + 1;
    }
  };
  await Promise.all(
    services.flatMap((service, at) => Array.from({ length: callers }, () => caller(service, at))),
  );
  return { statuses, served, longestMs };
}

const ROOMY = { BALANCING_QUEUE_PER_SLOT: '20', BALANCING_QUEUE_WAIT_MS: '30000' };

describe('a worker’s max_concurrency holds for three replicas together', () => {
  it.each([1, 2])(
    'when it is %d: never more at once, and every replica’s callers get their turn',
    async (cap) => {
      const database = await databaseForTest();
      const services = await replicas(3, database, ROOMY);
      const crowd = await Crowd.of(50);
      const [first] = services;
      if (first === undefined) throw new Error('a service');
      await crowd.register(first, cap);
      await until(
        async () =>
          (await Promise.all(services.map((s) => s.chat('m', 'hi')))).every((a) => a.status === 200),
        20_000,
      );
      crowd.upstream.requests.length = 0;
      const { statuses, served, longestMs } = await callFor(6_000, services, 3);
      console.log(cap, [...statuses], served, longestMs, crowd.mostAtOnce);
      expect([...statuses.keys()]).toEqual([200]);
      expect(crowd.mostAtOnce).toBe(cap);
    },
    90_000,
  );
});
