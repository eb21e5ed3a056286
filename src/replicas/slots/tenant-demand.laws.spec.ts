import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fairDemands, runningOf, type TenantDemand } from './tenant-demand.js';

const NAMES = ['a', 'b', 'c'];
const wanted = fc.double({ min: 0, max: 60, noNaN: true });
const demand = fc.record({ live: wanted, bulk: wanted, running: fc.nat(20), runningBulk: fc.nat(20) });
/** Three replicas, each with three tenants of weights 1, 2 and 3. */
const replicas = fc
  .array(fc.array(demand, { minLength: 3, maxLength: 3 }), { minLength: 3, maxLength: 3 })
  .map(
    (all) =>
      new Map(
        all.map((its, replica) => [
          `replica-${replica}`,
          new Map<string, TenantDemand>(its.map((one, at) => [NAMES[at] ?? '', { ...one, weight: at + 1 }])),
        ]),
      ),
  );
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const slots = fc.integer({ min: 1, max: 200 });

describe('the demands that are fair to tenants', () => {
  it('add up to the slots or to all that is wanted, and give no replica more than it wants', () => {
    fc.assert(
      fc.property(slots, replicas, (count, all) => {
        const wants = [...all.values()].map((its) =>
          sum([...its.values()].map(({ live, bulk }) => live + bulk)),
        );
        const demands = fairDemands(count, all);
        expect(sum(demands.map((its) => its.slots))).toBeCloseTo(Math.min(count, sum(wants)), 4);
        for (const [at, its] of demands.entries())
          expect(its.slots).toBeLessThanOrEqual((wants[at] ?? 0) + 1e-6);
      }),
    );
  });

  it('leave a tenant at one replica its part, whatever another one wants at the others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.integer({ min: 200, max: 5_000 }), (count, many) => {
        const none = { bulk: 0, running: 0, runningBulk: 0 };
        const demands = fairDemands(
          count,
          new Map([
            ['one', new Map([['flood', { ...none, weight: 1, live: many }]])],
            ['other', new Map([['calm', { ...none, weight: 3, live: count }]])],
          ]),
        );
        expect(demands.map((its) => its.slots)).toEqual([
          expect.closeTo(count / 4, 6),
          expect.closeTo((3 * count) / 4, 6),
        ]);
      }),
    );
  });

  it('give bulk what the others leave, and a twentieth where they leave nothing', () => {
    const none = { weight: 1, running: 0, runningBulk: 0 };
    const of = (live: number): readonly number[] =>
      fairDemands(
        100,
        new Map([
          ['one', new Map([['night', { ...none, live: 0, bulk: 1_000 }]])],
          ['other', new Map([['day', { ...none, live, bulk: 0 }]])],
        ]),
      ).map((its) => its.slots);
    expect(of(30)).toEqual([expect.closeTo(70, 6), expect.closeTo(30, 6)]);
    expect(of(1_000)).toEqual([expect.closeTo(5, 6), expect.closeTo(95, 6)]);
  });
});

describe('what runs at the other replicas', () => {
  it('is the sum for each tenant, bulk apart', () => {
    fc.assert(
      fc.property(replicas, (all) => {
        const running = runningOf(all.values());
        for (const name of NAMES) {
          const its = [...all.values()].flatMap((tenants) => tenants.get(name) ?? []);
          expect(running.get(name)).toMatchObject({
            live: sum(its.map((one) => one.running)),
            bulk: sum(its.map((one) => one.runningBulk)),
          });
        }
      }),
    );
  });
});
