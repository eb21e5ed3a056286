import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import { limitTenants, MOST_TENANTS } from './limit-tenants.js';
import { fairDemands, OTHERS, type TenantDemand, type TenantDemands } from './tenant-demand.js';

const weight = fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(999) });
const tenant: fc.Arbitrary<TenantDemand> = fc
  .record({ weight, waiting: fc.nat(20), bulk: fc.nat(5), running: fc.nat(3), runningBulk: fc.nat(1) })
  .map(({ waiting, bulk, ...its }) => ({
    ...its,
    weight: its.weight + 1,
    live: its.running + waiting,
    bulk: its.runningBulk + bulk,
  }));
const named = (prefix: string, all: readonly TenantDemand[]): TenantDemands =>
  new Map(all.map((its, at) => [`${prefix}${at}`, its]));
const tenants = fc
  .array(tenant, { minLength: MOST_TENANTS - 50, maxLength: 2 * MOST_TENANTS })
  .map((all) => named('tenant-', all));
const FIELDS = ['weight', 'live', 'bulk', 'running', 'runningBulk'] as const;
const sumOf = (all: TenantDemands, field: (typeof FIELDS)[number]): number =>
  [...all.values()].reduce((sum, its) => sum + its[field], 0);

/** Shrinking hundreds of tenants takes minutes. */
const law = { numRuns: 30, endOnFailure: true };

describe('what a replica writes of its tenants', () => {
  it('has an entry for each up to the limit, and one for all others, and adds up to the same', () => {
    fc.assert(
      fc.property(tenants, (all) => {
        const shown = limitTenants(all);
        expect(shown.size).toBe(Math.min(all.size, MOST_TENANTS + 1));
        for (const field of FIELDS) expect(sumOf(shown, field)).toBe(sumOf(all, field));
        for (const [name, its] of shown) expect(name === OTHERS || all.get(name) === its).toBe(true);
      }),
      law,
    );
  });

  it('names those that run, as long as there are entries, and else the heaviest', () => {
    fc.assert(
      fc.property(tenants, (all) => {
        const shown = limitTenants(all);
        const doesRun = ({ running, runningBulk }: TenantDemand): boolean => running + runningBulk > 0;
        const left = [...all].filter(([name]) => !shown.has(name)).map(([, its]) => its);
        const kept = [...shown].filter(([name]) => name !== OTHERS).map(([, its]) => its);
        expect(left.some(doesRun) && !kept.every(doesRun)).toBe(false);
        for (const runs of [true, false]) {
          const weights = (its: readonly TenantDemand[]): readonly number[] =>
            its.filter((one) => doesRun(one) === runs).map((one) => one.weight);
          expect(Math.max(0, ...weights(left))).toBeLessThanOrEqual(Math.min(Infinity, ...weights(kept)));
        }
      }),
      law,
    );
  });

  it('is the same in any order', () => {
    fc.assert(
      fc.property(tenants, (all) => {
        expect(limitTenants(new Map([...all].toReversed()))).toEqual(limitTenants(all));
      }),
      law,
    );
  });
});

describe('the demands of replicas that name some of their tenants', () => {
  const replicas = fc.tuple(tenants, tenants, tenants);
  const demandsOf = (slots: number, all: readonly TenantDemands[]): readonly number[] =>
    fairDemands(slots, new Map(all.map((its, at) => [`replica-${at}`, its]))).map((its) => its.slots);

  it('add up to the slots or to all that is wanted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), replicas, (slots, all) => {
        const sums = demandsOf(slots, all.map(limitTenants)).reduce((sum, its) => sum + its, 0);
        const wanted = all.reduce((sum, its) => sum + sumOf(its, 'live') + sumOf(its, 'bulk'), 0);
        expect(sums).toBeCloseTo(Math.min(slots, wanted), 4);
      }),
      law,
    );
  });

  const slotsInAll = fc.integer({ min: 1, max: 500 });

  it('are exact where each tenant is at one replica and all of them are alike', () => {
    const alike = { weight: 1, live: 3, bulk: 1, running: 0, runningBulk: 0 };
    const counts = fc.tuple(fc.nat(800), fc.nat(800), fc.nat(800));
    fc.assert(
      fc.property(slotsInAll, counts, (slots, all) => {
        const apart = all.map((count, at) =>
          named(
            `at-${at}-`,
            Array.from({ length: count }, () => alike),
          ),
        );
        const exact = demandsOf(slots, apart);
        for (const [at, its] of demandsOf(slots, apart.map(limitTenants)).entries())
          expect(its).toBeCloseTo(exact[at] ?? Number.NaN, 4);
      }),
      law,
    );
  });

  it('are less than a tenth of the slots off for 1,000 tenants of equal weight, wherever they are', () => {
    // By replica: which part of the requests it gets; of those of one tenant all, or as many.
    const parts = fc.tuple(fc.integer({ min: 1, max: 10 }), fc.nat(10), fc.nat(10));
    fc.assert(
      fc.property(
        slotsInAll,
        parts,
        fc.boolean(),
        fc.nat(20),
        fc.integer(),
        (slots, all, areApart, most, seed) => {
          const random = seededRandom(seed);
          const rows = all.map(() => new Map<string, TenantDemand>());
          const total = all.reduce((sum, part) => sum + part, 0);
          const any = (): number => {
            let left = random() * total;
            return all.findIndex((part) => (left -= part) < 0);
          };
          for (let nth = 0; nth < 1_000; nth++) {
            const home = any();
            for (let request = Math.floor(random() * most); request >= 0; request--) {
              const row = rows[areApart ? home : any()];
              const live = (row?.get(`tenant-${nth}`)?.live ?? 0) + 1;
              row?.set(`tenant-${nth}`, { weight: 1, live, bulk: 0, running: 0, runningBulk: 0 });
            }
          }
          const exact = demandsOf(slots, rows);
          for (const [at, its] of demandsOf(slots, rows.map(limitTenants)).entries())
            expect(Math.abs(its - (exact[at] ?? Number.NaN))).toBeLessThan(slots / 10);
        },
      ),
      { ...law, numRuns: 60 },
    );
  });
});
