import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import type { Health } from '../../registry/worker.js';
import { POLICIES } from '../policies.js';
import { DEFAULT_STANDING_LIMITS as LIMITS } from './limits.js';
import type { Outcome } from './outcome.js';
import { type Loan, type Refusal, Roster } from './roster.js';
import type { Member } from './standing.js';

const aMember = (about: Partial<Member> & { readonly id: string }): Member => ({
  weight: 1,
  priority: 0,
  cap: 64,
  isOpen: true,
  health: 'healthy',
  generation: 1,
  ...about,
});
const aRoster = (members: readonly Member[], nowMs = 0): Roster => {
  const roster = new Roster(POLICIES.least_load, LIMITS, seededRandom(5));
  roster.become(members, nowMs);
  return roster;
};
const served: Outcome = { kind: 'success', durationMs: 100, units: 10 };
const failed: Outcome = { kind: 'failure' };
const idOf = (result: Loan | Refusal): string => ('standing' in result ? result.standing.id : result.why);
const lent = (result: Loan | Refusal): Loan => {
  if (!('standing' in result)) throw new Error(result.why);
  return result;
};
/** One request from beginning to end. */
const serve = (roster: Roster, outcome: Outcome, nowMs: number, tried?: ReadonlySet<string>): string => {
  const loan = lent(roster.lend(nowMs, tried));
  roster.giveBack(loan, outcome, nowMs);
  return loan.standing.id;
};
const failUntilOut = (roster: Roster, nowMs: number): void => {
  for (let i = 0; i < 3; i++) serve(roster, failed, nowMs);
};

/** What is wrong with a loan that was just made. */
function faultsOf(
  { standing, isTrial }: Loan,
  tried: readonly string[],
  out: ReadonlySet<string>,
  nowMs: number,
): string[] {
  const { member, inFlight, experience } = standing;
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

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({
    kind: fc.constant('success' as const),
    durationMs: fc.nat({ max: 60_000 }),
    units: fc.nat({ max: 1000 }),
  }),
  fc.record({ kind: fc.constant('busy' as const), retryAfterMs: fc.option(fc.nat({ max: 100_000 })) }),
  fc.constantFrom<Outcome>(
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
        const roster = new Roster(policy, LIMITS, seededRandom(seed));
        const loans: Loan[] = [];
        const faults: string[] = [];
        let nowMs = 0;
        roster.become(first, nowMs);
        for (const its of steps) {
          if (its.does === 'wait') nowMs += its.ms;
          else if (its.does === 'become') roster.become(its.members, nowMs);
          else if (its.does === 'giveBack') {
            const [loan] = loans.length === 0 ? [] : loans.splice(its.which % loans.length, 1);
            if (loan === undefined) continue;
            roster.giveBack(loan, its.outcome, nowMs);
            roster.giveBack(loan, its.outcome, nowMs);
          } else {
            const out = new Set(
              roster.all
                .filter(({ experience }) => experience.circuit.ejectedFor !== null)
                .map(({ id }) => id),
            );
            const result = roster.lend(nowMs, new Set(its.tried));
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
        for (const loan of loans) roster.giveBack(loan, { kind: 'no_verdict' }, nowMs);
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
      expect(Array.from({ length: 20 }, () => idOf(roster.lend(0)))).toEqual(Array(20).fill('a'));
    },
  );

  it('says whether there is no room or nobody', () => {
    expect(aRoster([aMember({ id: 'a', health: 'unhealthy' })]).lend(0)).toEqual({
      why: 'none',
      backInMs: null,
    });
    expect(aRoster([]).lend(0)).toEqual({ why: 'none', backInMs: null });
    const full = aRoster([aMember({ id: 'a', cap: 1 })]);
    full.lend(0);
    expect(full.lend(0)).toMatchObject({ why: 'full' });
    const out = aRoster([a]);
    failUntilOut(out, 0);
    expect(out.lend(4000)).toMatchObject({ why: 'none' });
    expect((out.lend(4000) as Refusal).backInMs).toBeLessThanOrEqual(7000);
  });

  it('uses suspects only when there is nobody better, or when they serve', () => {
    const suspect = aMember({ id: 'b', health: 'suspect' });
    const roster = aRoster([aMember({ id: 'a', cap: 1 }), suspect]);
    expect([idOf(roster.lend(0)), idOf(roster.lend(0))]).toEqual(['a', 'b']);

    const serving = aRoster([a, b]);
    for (let i = 0; i < 40; i++) serve(serving, served, 0);
    serving.become([a, suspect], 1000);
    const ids = new Set(Array.from({ length: 40 }, () => serve(serving, served, 1000)));
    expect([...ids].toSorted()).toEqual(['a', 'b']);
  });

  it('goes to a higher priority number only when the lower are exhausted', () => {
    const roster = aRoster([aMember({ id: 'a', cap: 2 }), aMember({ id: 'b', priority: 1 })]);
    expect([1, 2, 3].map(() => idOf(roster.lend(0)))).toEqual(['a', 'a', 'b']);
  });

  it('lends one trial when the time is up, to a request that was not unlucky yet', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    roster.become([a, b], 0);
    expect(idOf(roster.lend(12_000, new Set(['x'])))).toBe('b');
    const trial = lent(roster.lend(12_000));
    expect([trial.standing.id, trial.isTrial]).toEqual(['a', true]);
    expect(Array.from({ length: 20 }, () => idOf(roster.lend(12_000)))).toEqual(Array(20).fill('b'));
    roster.giveBack(trial, served, 12_500);
    expect(idOf(roster.lend(12_500))).toBe('a');
  });

  it('has those wait who come while a lone worker is on trial, but not for one that hangs', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    const trial = lent(roster.lend(12_000));
    expect(roster.lend(12_100)).toMatchObject({ why: 'full' });
    expect(roster.lend(12_100, new Set(['a']))).toMatchObject({ why: 'none' });
    expect(roster.lend(22_000)).toMatchObject({ why: 'none' });
    roster.giveBack(trial, failed, 22_100);
    expect(roster.lend(22_100)).toMatchObject({ why: 'none' });
  });

  it('has those wait for a slot whom a trial needs one for', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    roster.become([aMember({ id: 'a', cap: 0 })], 1000);
    expect(roster.lend(5_000)).toMatchObject({ why: 'none' });
    expect(roster.lend(12_000)).toMatchObject({ why: 'full' });
    roster.become([a], 12_100);
    expect(lent(roster.lend(12_100)).isTrial).toBe(true);
  });

  it('counts what runs on a worker that went and came back', () => {
    const roster = aRoster([aMember({ id: 'a', cap: 1 }), b]);
    const running = lent(roster.lend(0, new Set(['b'])));
    roster.become([b], 1);
    expect([roster.inFlight, roster.all.length]).toEqual([1, 1]);
    roster.become([aMember({ id: 'a', cap: 1 }), b], 2);
    expect(roster.lend(2, new Set(['b']))).toMatchObject({ why: 'full' });
    roster.giveBack(running, served, 3);
    expect([roster.inFlight, roster.lend(3, new Set(['b']))]).toMatchObject([0, { isTrial: false }]);
  });

  it('makes no trial of a worker that is kept in reserve', () => {
    const reserve = aMember({ id: 'b', priority: 1 });
    const roster = aRoster([reserve]);
    failUntilOut(roster, 0);
    roster.become([a, reserve], 0);
    expect(Array.from({ length: 20 }, () => serve(roster, served, 60_000))).toEqual(Array(20).fill('a'));
  });

  it('leaves a busy worker alone until then, unless it is the only one', () => {
    const busy: Outcome = { kind: 'busy', retryAfterMs: 20_000 };
    const lone = aRoster([a]);
    serve(lone, busy, 0);
    expect(idOf(lone.lend(1))).toBe('a');
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
    roster.become([a, back], 1000);
    const running = (ofRoster: Roster, id: string) => ofRoster.all.find((one) => one.id === id)?.inFlight;
    for (let i = 0; i < 40; i++) roster.lend(1000);
    expect(running(roster, 'b')).toBeLessThanOrEqual(1);
    for (let i = 0; i < 40; i++) roster.lend(40_000);
    expect(running(roster, 'b')).toBe(40);

    const alone = aRoster([gone]);
    alone.become([back], 1000);
    for (let i = 0; i < 40; i++) alone.lend(1000);
    expect(running(alone, 'b')).toBe(40);
  });

  it('judges a changed definition anew, and counts what runs there all the same', () => {
    const roster = aRoster([a]);
    const running = lent(roster.lend(0));
    failUntilOut(roster, 0);
    expect(idOf(roster.lend(1))).toBe('none');
    roster.become([aMember({ id: 'a', generation: 2 })], 1);
    expect(idOf(roster.lend(1))).toBe('a');
    expect(running.standing.inFlight).toBe(2);
    roster.giveBack(running, failed, 2);
    expect(running.standing.experience.penalty.amount).toBe(0);
  });

  it('is pardoned by an operator', () => {
    const roster = aRoster([a]);
    failUntilOut(roster, 0);
    roster.pardon('a');
    expect(idOf(roster.lend(1))).toBe('a');
  });
});
