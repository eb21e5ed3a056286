import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Accounts } from './accounts.js';
import type { Tenant } from './tenant.js';

const tenant = (name: string, weight = 1): Tenant => ({ name, weight });
const A = tenant('a');
const B = tenant('b', 3);

/** Requests of a tenant that start and end; the slot time that they use. */
const steps = fc.array(
  fc.record({ tenant: fc.constantFrom(A, B), starts: fc.boolean(), afterMs: fc.nat(10_000) }),
  { maxLength: 60 },
);

/** A rank without what running requests count for in advance. */
const usedBy = (accounts: Accounts, its: Tenant, running: number, nowMs: number): number =>
  accounts.rankOf(its, nowMs) * its.weight - 500 * running;

describe('the accounts of tenants', () => {
  it('hold the slot time that each used since requests began to wait, in any order of starts and ends', () => {
    fc.assert(
      fc.property(steps, fc.nat(60), (all, beginsAt) => {
        const accounts = new Accounts();
        const running = new Map([A, B].map((its) => [its, 0]));
        const used = new Map([A, B].map((its) => [its, 0]));
        let nowMs = 0;
        let isCounting = false;
        for (const [at, { tenant: its, starts, afterMs }] of all.entries()) {
          if (at === beginsAt) accounts.queueBegins(nowMs);
          isCounting ||= at === beginsAt;
          nowMs += afterMs;
          if (isCounting)
            for (const [each, count] of running) used.set(each, (used.get(each) ?? 0) + count * afterMs);
          const now = running.get(its) ?? 0;
          if (starts) accounts.started(its, nowMs);
          else if (now > 0) accounts.ended(its, nowMs);
          running.set(its, Math.max(0, now + (starts ? 1 : -1)));
        }
        for (const its of [A, B])
          expect(usedBy(accounts, its, running.get(its) ?? 0, nowMs)).toBeCloseTo(used.get(its) ?? 0, 3);
      }),
    );
  });

  it('hold nothing against the use of an idle room, and nothing is saved up by idleness', () => {
    const accounts = new Accounts();
    for (let count = 0; count < 5; count += 1) accounts.started(A, 0);
    accounts.queueBegins(60_000);
    accounts.joins(B, 60_000);
    expect(usedBy(accounts, A, 5, 60_000)).toBe(0);
    expect(usedBy(accounts, B, 0, 60_000)).toBe(0);
    // A waits and is picked after a minute; C comes only then.
    accounts.joins(A, 60_000);
    const rank = accounts.rankOf(A, 120_000);
    accounts.picked(rank, null);
    const late = tenant('c');
    accounts.joins(late, 120_000);
    expect(accounts.rankOf(late, 120_000)).toBeCloseTo(rank, 6);
  });

  it('hold what a tenant uses while none of its requests waits', () => {
    const accounts = new Accounts();
    accounts.queueBegins(0);
    for (let count = 0; count < 4; count += 1) accounts.started(A, 0);
    accounts.joins(A, 10_000);
    expect(usedBy(accounts, A, 4, 10_000)).toBe(40_000);
  });

  it('let a tenant that left for a moment keep its turn', () => {
    const accounts = new Accounts();
    accounts.queueBegins(0);
    accounts.joins(A, 0);
    accounts.joins(B, 0);
    for (let count = 0; count < 9; count += 1) accounts.started(B, 0);
    accounts.picked(accounts.rankOf(A, 60_000), null);
    accounts.leaves(A);
    accounts.started(A, 60_000);
    accounts.ended(A, 61_000);
    accounts.joins(A, 61_000);
    expect(accounts.rankOf(A, 61_000)).toBeLessThan(accounts.rankOf(B, 61_000));
  });

  it('treat a weight of 2 as two tenants of weight 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.nat(100_000), (running, ms) => {
        const one = new Accounts();
        const double = tenant('double', 2);
        one.queueBegins(0);
        for (let count = 0; count < 2 * running; count += 1) one.started(double, 0);
        for (let count = 0; count < running; count += 1) one.started(A, 0);
        expect(one.rankOf(double, ms)).toBeCloseTo(one.rankOf(A, ms), 6);
      }),
    );
  });

  it('count a weight that changes from then on: what was used before is neither forgotten nor counted again', () => {
    const weights = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(weights, weights, fc.nat(10_000_000), fc.nat(10_000), (before, after, ms, moreMs) => {
        const accounts = new Accounts();
        accounts.queueBegins(0);
        accounts.started(tenant('a', before), 0);
        accounts.ended(tenant('a', before), ms);
        const rank = accounts.rankOf(tenant('a', before), ms);
        expect(accounts.rankOf(tenant('a', after), ms)).toBeCloseTo(rank, 6);
        accounts.started(tenant('a', after), ms);
        accounts.ended(tenant('a', after), ms + moreMs);
        expect(accounts.rankOf(tenant('a', after), ms + moreMs)).toBeCloseTo(rank + moreMs / after, 3);
      }),
    );
  });

  it.each([true, false])('are bounded, however many names come (while requests wait: %s)', (waits) => {
    const accounts = new Accounts();
    if (waits) accounts.queueBegins(0);
    accounts.joins(B, 0);
    accounts.started(A, 0);
    for (let at = 0; at < 10_000; at += 1) {
      accounts.started(tenant(`name ${at}`), at);
      accounts.ended(tenant(`name ${at}`), at + 1);
      expect(accounts.size).toBeLessThanOrEqual(1_001);
    }
    // What runs and what waits is kept.
    expect(accounts.running()).toEqual([{ tenant: A, count: 1 }]);
    expect(accounts.weights()).toBe(A.weight + B.weight);
  });

  it.each([1, 2, 3, 4, 5])(
    'let no tenant wait at one replica while others of it are served elsewhere: seed %d',
    (seed) => {
      const replicas = twoReplicas(seed, 600_000);
      const all = replicas.flatMap(({ starts }) => starts);
      // Each replica has one slot; the requests take 0.8 s.
      expect(all.filter(({ its }) => its === B).length / all.length).toBeCloseTo(0.75, 1);
      for (const { starts } of replicas)
        for (const its of [A, B]) {
          const times = [0, ...starts.filter((one) => one.its === its).map(({ atMs }) => atMs), 600_000];
          const waits = times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0));
          // With what runs elsewhere in full at once it is minutes.
          expect(Math.max(...waits)).toBeLessThan(60_000);
        }
    },
  );
});

/** A and B always wait at both of two replicas, which exchange about once a second what runs. */
function twoReplicas(seed: number, forMs: number) {
  let state = seed;
  const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  const replicas = [0, 1].map(() => ({
    accounts: new Accounts(),
    runs: A,
    untilMs: 0,
    exchangeMs: 1_000 * random(),
    starts: [] as { readonly its: Tenant; readonly atMs: number }[],
  }));
  const start = (replica: (typeof replicas)[number], nowMs: number): void => {
    const [its = A] = [A, B].toSorted(
      (one, other) => replica.accounts.rankOf(one, nowMs) - replica.accounts.rankOf(other, nowMs),
    );
    replica.accounts.picked(replica.accounts.rankOf(its, nowMs), null);
    replica.accounts.started(its, nowMs);
    replica.starts.push({ its, atMs: nowMs });
    Object.assign(replica, { runs: its, untilMs: nowMs + 640 + 320 * random() });
  };
  for (const replica of replicas) {
    replica.accounts.queueBegins(0);
    for (const its of [A, B]) replica.accounts.joins(its, 0);
    start(replica, 0);
  }
  for (;;) {
    const nowMs = Math.min(...replicas.flatMap(({ untilMs, exchangeMs }) => [untilMs, exchangeMs]));
    if (nowMs >= forMs) return replicas;
    for (const [at, replica] of replicas.entries()) {
      if (replica.untilMs === nowMs) {
        replica.accounts.ended(replica.runs, nowMs);
        start(replica, nowMs);
      }
      if (replica.exchangeMs === nowMs) {
        const { name, weight } = replicas[1 - at]?.runs ?? A;
        replica.accounts.runElsewhere(new Map([[name, { weight, live: 1, bulk: 0 }]]), 'live', nowMs);
        replica.exchangeMs = nowMs + 800 + 400 * random();
      }
    }
  }
}
