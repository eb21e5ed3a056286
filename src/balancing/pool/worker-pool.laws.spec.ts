import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import type { Health } from '../../registry/worker.js';
import { POLICIES } from '../policies/strategies.js';
import { DEFAULT_STATS_LIMITS as LIMITS } from './stats-limits.js';
import type { RequestResult } from '../request-result.js';
import { type AcquiredWorker, type Unavailable, WorkerPool } from './worker-pool.js';
import type { PoolMember } from './pooled-worker.js';

const aMember = (about: Partial<PoolMember> & { readonly id: string }): PoolMember => ({
  weight: 1,
  priority: 0,
  cap: 64,
  isOpen: true,
  health: 'healthy',
  generation: 1,
  ...about,
});
const aRoster = (members: readonly PoolMember[], nowMs = 0): WorkerPool => {
  const roster = new WorkerPool(POLICIES.least_load, LIMITS, seededRandom(5));
  roster.update(members, nowMs);
  return roster;
};
const served: RequestResult = { kind: 'success', durationMs: 100, units: 10 };
const failed: RequestResult = { kind: 'failure' };
const idOf = (result: AcquiredWorker | Unavailable): string =>
  'standing' in result ? result.standing.id : result.why;
const lent = (result: AcquiredWorker | Unavailable): AcquiredWorker => {
  if (!('standing' in result)) throw new Error(result.why);
  return result;
};
/** One request from beginning to end. */
const serve = (
  roster: WorkerPool,
  outcome: RequestResult,
  nowMs: number,
  tried?: ReadonlySet<string>,
): string => {
  const loan = lent(roster.acquire(nowMs, tried));
  roster.release(loan, outcome, nowMs);
  return loan.standing.id;
};
const failUntilOut = (roster: WorkerPool, nowMs: number): void => {
  for (let i = 0; i < 3; i++) serve(roster, failed, nowMs);
};

/** What is wrong with a loan that was just made. */
function faultsOf(
  { standing, isTrial }: AcquiredWorker,
  tried: readonly string[],
  out: ReadonlySet<string>,
  nowMs: number,
): string[] {
  const { member, inFlight, stats: experience } = standing;
  const faults = {
    'tried before': tried.includes(standing.id),
    'not open': !member.isOpen,
    unhealthy: member.health === 'unhealthy',
    'beyond its cap': inFlight > member.cap,
    'before its time': experience.circuit.untilMs > nowMs,
    'a trial or not': isTrial !== out.has(standing.id),
  };
  return Object.entries(faults).flatMap(([fault, isSo]) => (isSo ? [fault] : []));
}

const outcome: fc.Arbitrary<RequestResult> = fc.oneof(
  fc.record({
    kind: fc.constant('success' as const),
    durationMs: fc.nat({ max: 60_000 }),
    units: fc.nat({ max: 1000 }),
  }),
  fc.record({ kind: fc.constant('busy' as const), retryAfterMs: fc.option(fc.nat({ max: 100_000 })) }),
  fc.constantFrom<RequestResult>(
    { kind: 'connect_error' },
    { kind: 'failure' },
    { kind: 'timeout' },
    { kind: 'caller_fault' },
    { kind: 'credentials' },
    { kind: 'no_verdict' },
  ),
);
const health = fc.constantFrom<Health>('unknown', 'healthy', 'suspect', 'unhealthy', 'warming');
const members = fc
  .array(
    fc.record({
      weight: fc.integer({ min: 1, max: 5 }),
      priority: fc.nat({ max: 1 }),
      cap: fc.nat({ max: 4 }),
      isOpen: fc.boolean(),
      health,
      generation: fc.nat({ max: 3 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) => list.map((member, index) => ({ ...member, id: `w${index}` })));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant('lend' as const), tried: fc.subarray(['w0', 'w1', 'w2']) }),
  },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('giveBack' as const), which: fc.nat(), outcome }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('become' as const), members }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.nat({ max: 30_000 }) }) },
);

describe.each(Object.entries(POLICIES))('a roster under %s, whatever happens', (_name, policy) => {
  it('lends only what may be used, one trial at a time, and counts every loan back once', () => {
    fc.assert(
      fc.property(members, fc.array(step, { maxLength: 80 }), fc.nat(), (first, steps, seed) => {
        const roster = new WorkerPool(policy, LIMITS, seededRandom(seed));
        const loans: AcquiredWorker[] = [];
        const faults: string[] = [];
        let nowMs = 0;
        roster.update(first, nowMs);
        for (const its of steps) {
          if (its.does === 'wait') nowMs += its.ms;
          else if (its.does === 'become') roster.update(its.members, nowMs);
          else if (its.does === 'giveBack') {
            const [loan] = loans.length === 0 ? [] : loans.splice(its.which % loans.length, 1);
            if (loan === undefined) continue;
            roster.release(loan, its.outcome, nowMs);
            roster.release(loan, its.outcome, nowMs);
          } else {
            const out = new Set(
              roster.all
                .filter(({ stats: experience }) => experience.circuit.ejectedFor !== null)
                .map(({ id }) => id),
            );
            const result = roster.acquire(nowMs, new Set(its.tried));
            if ('standing' in result) loans.push(result);
            faults.push(...('standing' in result ? faultsOf(result, its.tried, out, nowMs) : []));
          }
          const trials = loans.filter(
            ({ isTrial, standing, epoch }) =>
              isTrial && epoch === standing.epoch && roster.all.includes(standing),
          );
          if (new Set(trials.map(({ standing }) => standing)).size < trials.length) faults.push('two trials');
        }
        expect(faults).toEqual([]);
        for (const loan of loans) roster.release(loan, { kind: 'no_verdict' }, nowMs);
        expect(roster.all.every(({ inFlight }) => inFlight === 0)).toBe(true);
      }),
      { numRuns: 80 },
    );
  });
});

describe('a roster', () => {
  const a = aMember({ id: 'a' });
  const b = aMember({ id: 'b' });

  it.each([{ isOpen: false }, { health: 'unhealthy' }, { cap: 0 }] as const)(
    'never lends one that is %o',
    (about) => {
      const roster = aRoster([a, aMember({ id: 'b', ...about })]);
      expect(Array.from({ length: 20 }, () => idOf(roster.acquire(0)))).toEqual(Array(20).fill('a'));
    },
  );

  it('says whether there is no room or nobody', () => {
    expect(aRoster([aMember({ id: 'a', health: 'unhealthy' })]).acquire(0)).toEqual({
      why: 'none',
      retryInMs: null,
    });
    expect(aRoster([]).acquire(0)).toEqual({ why: 'none', retryInMs: null });
    const full = aRoster([aMember({ id: 'a', cap: 1 })]);
    full.acquire(0);
    expect(full.acquire(0)).toMatchObject({ why: 'full' });
    const out = aRoster([a]);
    failUntilOut(out, 0);
    expect(out.acquire(4000)).toMatchObject({ why: 'none' });
    expect((out.acquire(4000) as Unavailable).retryInMs).toBeLessThanOrEqual(7000);
  });

  it('uses suspects only when there is nobody better, or when they serve', () => {
    const suspect = aMember({ id: 'b', health: 'suspect' });
    const roster = aRoster([aMember({ id: 'a', cap: 1 }), suspect]);
    expect([idOf(roster.acquire(0)), idOf(roster.acquire(0))]).toEqual(['a', 'b']);

    const serving = aRoster([a, b]);
    for (let i = 0; i < 40; i++) serve(serving, served, 0);
    serving.update([a, suspect], 1000);
    const ids = new Set(Array.from({ length: 40 }, () => serve(serving, served, 1000)));
    expect([...ids].toSorted()).toEqual(['a', 'b']);
  });

  it('goes to a higher priority number only when the lower are exhausted', () => {
    const roster = aRoster([aMember({ id: 'a', cap: 2 }), aMember({ id: 'b', priority: 1 })]);
    expect([1, 2, 3].map(() => idOf(roster.acquire(0)))).toEqual(['a', 'a', 'b']);
  });

  it('lends one trial when the time is up, to a request that was not unlucky yet', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    roster.update([a, b], 0);
    expect(idOf(roster.acquire(12_000, new Set(['x'])))).toBe('b');
    const trial = lent(roster.acquire(12_000));
    expect([trial.standing.id, trial.isTrial]).toEqual(['a', true]);
    expect(Array.from({ length: 20 }, () => idOf(roster.acquire(12_000)))).toEqual(Array(20).fill('b'));
    roster.release(trial, served, 12_500);
    expect(idOf(roster.acquire(12_500))).toBe('a');
  });

  it('has those wait who come while a lone worker is on trial, but not for one that hangs', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    const trial = lent(roster.acquire(12_000));
    expect(roster.acquire(12_100)).toMatchObject({ why: 'full' });
    expect(roster.acquire(12_100, new Set(['a']))).toMatchObject({ why: 'none' });
    expect(roster.acquire(22_000)).toMatchObject({ why: 'none' });
    roster.release(trial, failed, 22_100);
    expect(roster.acquire(22_100)).toMatchObject({ why: 'none' });
  });

  it('has those wait for a slot whom a trial needs one for', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    roster.update([aMember({ id: 'a', cap: 0 })], 1000);
    expect(roster.acquire(5_000)).toMatchObject({ why: 'none' });
    expect(roster.acquire(12_000)).toMatchObject({ why: 'full' });
    roster.update([a], 12_100);
    expect(lent(roster.acquire(12_100)).isTrial).toBe(true);
  });

  it('counts what runs on a worker that went and came back', () => {
    const roster = aRoster([aMember({ id: 'a', cap: 1 }), b]);
    const running = lent(roster.acquire(0, new Set(['b'])));
    roster.update([b], 1);
    expect([roster.inFlight, roster.all.length]).toEqual([1, 1]);
    roster.update([aMember({ id: 'a', cap: 1 }), b], 2);
    expect(roster.acquire(2, new Set(['b']))).toMatchObject({ why: 'full' });
    roster.release(running, served, 3);
    expect([roster.inFlight, roster.acquire(3, new Set(['b']))]).toMatchObject([0, { isTrial: false }]);
  });

  it('makes no trial of a worker that is kept in reserve', () => {
    const reserve = aMember({ id: 'b', priority: 1 });
    const roster = aRoster([reserve]);
    failUntilOut(roster, 0);
    roster.update([a, reserve], 0);
    expect(Array.from({ length: 20 }, () => serve(roster, served, 60_000))).toEqual(Array(20).fill('a'));
  });

  it('leaves a busy worker alone until then, unless it is the only one', () => {
    const busy: RequestResult = { kind: 'busy', retryAfterMs: 20_000 };
    const lone = aRoster([a]);
    serve(lone, busy, 0);
    expect(idOf(lone.acquire(1))).toBe('a');
    const two = aRoster([a, b]);
    const first = serve(two, busy, 0);
    const ids = Array.from({ length: 20 }, () => serve(two, served, 19_999));
    expect(ids).not.toContain(first);
    expect(Array.from({ length: 60 }, () => serve(two, served, 20_101))).toContain(first);
  });

  it('warms a worker up that comes back, where there is another to lean on', () => {
    const gone = aMember({ id: 'b', health: 'unhealthy' });
    const back = aMember({ id: 'b', health: 'warming' });
    const roster = aRoster([a, gone]);
    roster.update([a, back], 1000);
    const running = (ofRoster: WorkerPool, id: string) => ofRoster.all.find((one) => one.id === id)?.inFlight;
    for (let i = 0; i < 40; i++) roster.acquire(1000);
    expect(running(roster, 'b')).toBeLessThanOrEqual(1);
    for (let i = 0; i < 40; i++) roster.acquire(40_000);
    expect(running(roster, 'b')).toBe(40);

    const alone = aRoster([gone]);
    alone.update([back], 1000);
    for (let i = 0; i < 40; i++) alone.acquire(1000);
    expect(running(alone, 'b')).toBe(40);
  });

  it('judges a changed definition anew, and counts what runs there all the same', () => {
    const roster = aRoster([a]);
    const running = lent(roster.acquire(0));
    failUntilOut(roster, 0);
    expect(idOf(roster.acquire(1))).toBe('none');
    roster.update([aMember({ id: 'a', generation: 2 })], 1);
    expect(idOf(roster.acquire(1))).toBe('a');
    expect(running.standing.inFlight).toBe(2);
    roster.release(running, failed, 2);
    expect(running.standing.stats.penalty.amount).toBe(0);
  });

  it('is pardoned by an operator', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    roster.clearEjection('a');
    expect(idOf(roster.acquire(1))).toBe('a');
  });
});
