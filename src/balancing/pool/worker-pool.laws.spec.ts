import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import type { Health } from '../../registry/worker.js';
import type { Policy } from '../policies/policy.js';
import { POLICIES } from '../policies/strategies.js';
import type { RequestResult } from '../request-result.js';
import type { PoolMember } from './pooled-worker.js';
import { DEFAULT_STATS_LIMITS as LIMITS } from '../../config/tuning.js';
import type { AcquiredWorker, FinishedAttempt, Unavailable } from './acquired-worker.js';
import { WorkerPool } from './worker-pool.js';

const aMember = (about: Partial<PoolMember> & { readonly id: string }): PoolMember => ({
  weight: 1,
  priority: 0,
  concurrencyLimit: 64,
  isEnabled: true,
  health: 'healthy',
  generation: 1,
  ...about,
});
const aPool = (members: readonly PoolMember[]): WorkerPool => {
  const pool = new WorkerPool(POLICIES.least_load, LIMITS, seededRandom(5));
  pool.update(members);
  return pool;
};
const served: RequestResult = { kind: 'success', durationMs: 100, units: 10 };
const failed: RequestResult = { kind: 'failure' };
const idOf = (result: AcquiredWorker | Unavailable): string =>
  'worker' in result ? result.worker.id : result.why;
const expectAcquired = (result: AcquiredWorker | Unavailable): AcquiredWorker => {
  if (!('worker' in result)) throw new Error(result.why);
  return result;
};
const attempt = (acquired: AcquiredWorker, { kind }: RequestResult): FinishedAttempt => ({
  workerId: acquired.worker.id,
  kind,
  acquired,
});
/** One request of one attempt, from beginning to end. */
const serve = (
  pool: WorkerPool,
  result: RequestResult,
  nowMs: number,
  tried?: ReadonlySet<string>,
): string => {
  const acquired = expectAcquired(pool.acquire(nowMs, tried));
  pool.release(acquired, result, nowMs);
  pool.settle([attempt(acquired, result)], nowMs);
  return acquired.worker.id;
};
const ejectByRefusals = (pool: WorkerPool, nowMs: number): void => {
  for (let i = 0; i < 2; i++) serve(pool, { kind: 'connect_error' }, nowMs);
};
const ejectedByAnswers = (pool: WorkerPool): readonly string[] =>
  pool.all.filter(({ stats }) => stats.circuit.ejectedFor === 'failure').map(({ id }) => id);

/** What is wrong with a worker that was just acquired. */
function faultsOf(
  { worker, isTrial }: AcquiredWorker,
  tried: readonly string[],
  ejected: ReadonlySet<string>,
  nowMs: number,
): string[] {
  const { member, inFlight, stats } = worker;
  const faults = {
    'tried before': tried.includes(worker.id),
    'not enabled': !member.isEnabled,
    unhealthy: member.health === 'unhealthy',
    'beyond its limit': inFlight > member.concurrencyLimit,
    'before its time': stats.circuit.untilMs > nowMs && stats.circuit.ejectedFor !== null,
    'a trial or not': isTrial !== ejected.has(worker.id),
  };
  return Object.entries(faults).flatMap(([fault, isSo]) => (isSo ? [fault] : []));
}

describe.each(Object.entries(POLICIES))('a pool with %s', (_name, policy: Policy<unknown>) => {
  it('makes the key of a request once a pick if it picks by keys, and never otherwise', () => {
    const pool = new WorkerPool(policy, LIMITS, seededRandom(5));
    pool.update(['a', 'b', 'c'].map((id) => aMember({ id })));
    let made = 0;
    const key = (): string => `key ${(made += 1)}`;
    for (let pick = 0; pick < 20; pick++) expectAcquired(pool.acquire(pick, new Set(), key));
    expect(made).toBe(policy.usesKey === true ? 20 : 0);
  });
});

const aResult: fc.Arbitrary<RequestResult> = fc.oneof(
  fc.record({
    kind: fc.constant('success' as const),
    durationMs: fc.nat({ max: 60_000 }),
    units: fc.nat({ max: 1000 }),
  }),
  fc.record({ kind: fc.constant('throttled' as const), retryAfterMs: fc.option(fc.nat({ max: 100_000 })) }),
  fc.constantFrom<RequestResult>(
    { kind: 'connect_error' },
    { kind: 'failure' },
    { kind: 'access_denied' },
    { kind: 'timeout' },
    { kind: 'client_fault' },
    { kind: 'not_found' },
    { kind: 'credentials' },
    { kind: 'neutral' },
  ),
);
const health = fc.constantFrom<Health>('unknown', 'healthy', 'suspect', 'unhealthy', 'warming');
const members = fc
  .array(
    fc.record({
      weight: fc.integer({ min: 1, max: 5 }),
      priority: fc.nat({ max: 1 }),
      concurrencyLimit: fc.nat({ max: 4 }),
      isEnabled: fc.boolean(),
      health,
      generation: fc.nat({ max: 3 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) => list.map((member, index) => ({ ...member, id: `w${index}` })));
const anEvent = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant('acquire' as const), tried: fc.subarray(['w0', 'w1', 'w2']) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant('release' as const), which: fc.nat(), result: aResult }),
  },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('settle' as const), count: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('update' as const), members }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.nat({ max: 30_000 }) }) },
);

describe.each(Object.entries(POLICIES))('a worker pool under %s, for any events', (_name, policy) => {
  it('gives out only usable workers, one trial at a time, and counts every request back once', () => {
    fc.assert(
      fc.property(members, fc.array(anEvent, { maxLength: 80 }), fc.nat(), (first, events, seed) => {
        const pool = new WorkerPool(policy, LIMITS, seededRandom(seed));
        const running: AcquiredWorker[] = [];
        const unsettled: FinishedAttempt[] = [];
        const faults: string[] = [];
        let nowMs = 0;
        pool.update(first);
        for (const event of events) {
          if (event.does === 'wait') nowMs += event.ms;
          else if (event.does === 'update') pool.update(event.members);
          else if (event.does === 'release') {
            const [acquired] = running.length === 0 ? [] : running.splice(event.which % running.length, 1);
            if (acquired === undefined) continue;
            pool.release(acquired, event.result, nowMs);
            pool.release(acquired, event.result, nowMs);
            unsettled.push(attempt(acquired, event.result));
          } else if (event.does === 'settle') {
            const before = new Set(ejectedByAnswers(pool));
            pool.settle(unsettled.splice(0, event.count), nowMs);
            const after = ejectedByAnswers(pool);
            const isMore = after.some((id) => !before.has(id));
            if (isMore && after.length > pool.all.length / 2) faults.push('too many ejected');
            if (isMore && !pool.all.some(({ isAvailable }) => isAvailable)) faults.push('ejected the last');
          } else {
            const ejected = new Set(
              pool.all.filter(({ stats }) => stats.circuit.ejectedFor !== null).map(({ id }) => id),
            );
            const answer = pool.acquire(nowMs, new Set(event.tried));
            if ('worker' in answer) running.push(answer);
            faults.push(...('worker' in answer ? faultsOf(answer, event.tried, ejected, nowMs) : []));
          }
          const trials = [...running, ...unsettled.filter(isFailure).map(({ acquired }) => acquired)].filter(
            ({ isTrial, worker, epoch }) => isTrial && epoch === worker.epoch && pool.all.includes(worker),
          );
          if (new Set(trials.map(({ worker }) => worker)).size < trials.length) faults.push('two trials');
        }
        expect(faults).toEqual([]);
        for (const acquired of running) pool.release(acquired, { kind: 'neutral' }, nowMs);
        expect(pool.all.every(({ inFlight }) => inFlight === 0)).toBe(true);
      }),
      { numRuns: 80 },
    );
  });
});

function isFailure({ kind }: FinishedAttempt): boolean {
  return kind === 'failure' || kind === 'access_denied';
}

describe('a worker pool', () => {
  const a = aMember({ id: 'a' });
  const b = aMember({ id: 'b' });

  it.each([{ isEnabled: false }, { health: 'unhealthy' }, { concurrencyLimit: 0 }] as const)(
    'gives out no worker that is %o',
    (about) => {
      const pool = aPool([a, aMember({ id: 'b', ...about })]);
      expect(Array.from({ length: 20 }, () => idOf(pool.acquire(0)))).toEqual(Array(20).fill('a'));
    },
  );

  it('says whether its workers are full or none may be used', () => {
    expect(aPool([aMember({ id: 'a', health: 'unhealthy' })]).acquire(0)).toEqual({
      why: 'none',
      retryInMs: null,
    });
    expect(aPool([]).acquire(0)).toEqual({ why: 'none', retryInMs: null });
    const full = aPool([aMember({ id: 'a', concurrencyLimit: 1 })]);
    full.acquire(0);
    expect(full.acquire(0)).toMatchObject({ why: 'full' });
    const out = aPool([a]);
    ejectByRefusals(out, 0);
    expect(out.acquire(4000)).toMatchObject({ why: 'none' });
    expect((out.acquire(4000) as Unavailable).retryInMs).toBeLessThanOrEqual(7000);
  });

  it('uses suspect workers only when there is none better, or when they serve requests', () => {
    const suspect = aMember({ id: 'b', health: 'suspect' });
    const pool = aPool([aMember({ id: 'a', concurrencyLimit: 1 }), suspect]);
    expect([idOf(pool.acquire(0)), idOf(pool.acquire(0))]).toEqual(['a', 'b']);

    const serving = aPool([a, b]);
    for (let i = 0; i < 40; i++) serve(serving, served, 0);
    serving.update([a, suspect]);
    const ids = new Set(Array.from({ length: 40 }, () => serve(serving, served, 1000)));
    expect([...ids].toSorted()).toEqual(['a', 'b']);
  });

  it('uses a higher priority number only when all lower ones are full', () => {
    const pool = aPool([aMember({ id: 'a', concurrencyLimit: 2 }), aMember({ id: 'b', priority: 1 })]);
    expect([1, 2, 3].map(() => idOf(pool.acquire(0)))).toEqual(['a', 'a', 'b']);
  });

  it('tries an ejected worker again with one request that has not failed yet', () => {
    const pool = aPool([a]);
    ejectByRefusals(pool, 0);
    pool.update([a, b]);
    expect(idOf(pool.acquire(12_000, new Set(['x'])))).toBe('b');
    const trial = expectAcquired(pool.acquire(12_000));
    expect([trial.worker.id, trial.isTrial]).toEqual(['a', true]);
    expect(Array.from({ length: 20 }, () => idOf(pool.acquire(12_000)))).toEqual(Array(20).fill('b'));
    pool.release(trial, served, 12_500);
    expect(idOf(pool.acquire(12_500))).toBe('a');
  });

  it('lets requests wait for the trial of a lone worker, but not for one that hangs', () => {
    const pool = aPool([a]);
    ejectByRefusals(pool, 0);
    const trial = expectAcquired(pool.acquire(12_000));
    expect(pool.acquire(12_100)).toMatchObject({ why: 'full' });
    expect(pool.acquire(12_100, new Set(['a']))).toMatchObject({ why: 'none' });
    expect(pool.acquire(22_000)).toMatchObject({ why: 'none' });
    pool.release(trial, { kind: 'connect_error' }, 22_100);
    expect(pool.acquire(22_100)).toMatchObject({ why: 'none' });
  });

  it('lets requests wait when a trial needs a slot first', () => {
    const pool = aPool([a]);
    ejectByRefusals(pool, 0);
    pool.update([aMember({ id: 'a', concurrencyLimit: 0 })]);
    expect(pool.acquire(5_000)).toMatchObject({ why: 'none' });
    expect(pool.acquire(12_000)).toMatchObject({ why: 'full' });
    pool.update([a]);
    expect(expectAcquired(pool.acquire(12_100)).isTrial).toBe(true);
  });

  it('counts the requests that run on a worker that was removed and came back', () => {
    const pool = aPool([aMember({ id: 'a', concurrencyLimit: 1 }), b]);
    const running = expectAcquired(pool.acquire(0, new Set(['b'])));
    pool.update([b]);
    expect([pool.inFlight, pool.all.length]).toEqual([1, 1]);
    pool.update([aMember({ id: 'a', concurrencyLimit: 1 }), b]);
    expect(pool.acquire(2, new Set(['b']))).toMatchObject({ why: 'full' });
    pool.release(running, served, 3);
    expect([pool.inFlight, pool.acquire(3, new Set(['b']))]).toMatchObject([0, { isTrial: false }]);
  });

  it('tries no ejected worker of a later tier while an earlier one is usable', () => {
    const reserve = aMember({ id: 'b', priority: 1 });
    const pool = aPool([reserve]);
    ejectByRefusals(pool, 0);
    pool.update([a, reserve]);
    expect(Array.from({ length: 20 }, () => serve(pool, served, 60_000))).toEqual(Array(20).fill('a'));
  });

  it('skips a throttled worker until its time is up, unless it is the only one', () => {
    const throttled: RequestResult = { kind: 'throttled', retryAfterMs: 20_000 };
    const lone = aPool([a]);
    serve(lone, throttled, 0);
    expect(idOf(lone.acquire(1))).toBe('a');
    const two = aPool([a, b]);
    const first = serve(two, throttled, 0);
    const ids = Array.from({ length: 20 }, () => serve(two, served, 19_999));
    expect(ids).not.toContain(first);
    expect(Array.from({ length: 60 }, () => serve(two, served, 20_101))).toContain(first);
  });

  it('warms up a worker that comes back by one request more than it has served since', () => {
    const down = aMember({ id: 'b', health: 'unhealthy' });
    const back = aMember({ id: 'b', health: 'warming' });
    const pool = aPool([a, down]);
    pool.update([a, back]);
    const acquireAll = (): readonly AcquiredWorker[] => {
      const all = Array.from({ length: 60 }, () => pool.acquire(1000)).filter((one) => 'worker' in one);
      return all.filter(({ worker }) => worker.id === 'b');
    };
    const rounds: number[] = [];
    for (let round = 0; round < 5; round++) {
      const running = acquireAll();
      rounds.push(running.length);
      for (const acquired of running) pool.release(acquired, served, 1000);
      for (const worker of pool.all) worker.inFlight = 0;
    }
    expect(rounds).toEqual([1, 2, 4, 8, 16]);
    expect(acquireAll().length).toBeGreaterThan(20);
  });

  it('limits no warming worker when there is no warm one to use meanwhile', () => {
    const pool = aPool([aMember({ id: 'b', health: 'unhealthy' })]);
    pool.update([aMember({ id: 'b', health: 'warming' })]);
    for (let i = 0; i < 40; i++) pool.acquire(1000);
    expect(pool.worker('b')?.inFlight).toBe(40);
  });

  it('forgets the stats of a changed definition, and still counts its running requests', () => {
    const pool = aPool([a]);
    const running = expectAcquired(pool.acquire(0));
    ejectByRefusals(pool, 0);
    expect(idOf(pool.acquire(1))).toBe('none');
    pool.update([aMember({ id: 'a', generation: 2 })]);
    expect(idOf(pool.acquire(1))).toBe('a');
    expect(running.worker.inFlight).toBe(2);
    pool.release(running, { kind: 'connect_error' }, 2);
    expect(running.worker.stats.penalty.amount).toBe(0);
  });

  it('forgets an ejection when an operator enables the worker', () => {
    const pool = aPool([a]);
    ejectByRefusals(pool, 0);
    pool.clearEjection('a');
    expect(idOf(pool.acquire(1))).toBe('a');
  });

  describe('when a request fails at a worker', () => {
    /** A request that fails at `a` and ends so at `b`, if it is tried there. */
    const failAtA = (pool: WorkerPool, nowMs: number, atB: RequestResult | null): void => {
      const first = expectAcquired(pool.acquire(nowMs, new Set(['b', 'c', 'd'])));
      pool.release(first, failed, nowMs);
      const attempts = [attempt(first, failed)];
      if (atB !== null) {
        const second = expectAcquired(pool.acquire(nowMs, new Set(['a', 'c', 'd'])));
        pool.release(second, atB, nowMs);
        attempts.push(attempt(second, atB));
      }
      pool.settle(attempts, nowMs);
    };
    const [c, d] = [aMember({ id: 'c' }), aMember({ id: 'd' })];

    it('ejects it after three requests that went well at another', () => {
      const pool = aPool([a, b]);
      for (let i = 0; i < 2; i++) failAtA(pool, 0, served);
      expect(ejectedByAnswers(pool)).toEqual([]);
      failAtA(pool, 0, served);
      expect(ejectedByAnswers(pool)).toEqual(['a']);
    });

    it('ejects none when the requests failed at two workers, however many do', () => {
      const pool = aPool([a, b, c, d]);
      for (let i = 0; i < 100; i++) failAtA(pool, 0, failed);
      expect(ejectedByAnswers(pool)).toEqual([]);
    });

    it('ejects it after three requests that were not tried again', () => {
      const pool = aPool([a, b]);
      for (let i = 0; i < 3; i++) failAtA(pool, 0, null);
      expect(ejectedByAnswers(pool)).toEqual(['a']);
    });

    it('never ejects the last usable worker by its answers', () => {
      const lone = aPool([a]);
      for (let i = 0; i < 100; i++) failAtA(lone, 0, null);
      expect(ejectedByAnswers(lone)).toEqual([]);
      const other = aPool([a, aMember({ id: 'b', health: 'unhealthy' }), c, d]);
      for (let i = 0; i < 3; i++) failAtA(other, 0, null);
      expect(ejectedByAnswers(other)).toEqual(['a']);
    });

    it('ejects at most half of the workers by their answers', () => {
      const pool = aPool([a, b, c, d]);
      for (let i = 0; i < 100; i++)
        for (const { id } of pool.all) {
          const others = pool.all.map((worker) => worker.id).filter((other) => other !== id);
          const result = pool.acquire(0, new Set(others));
          if (!('worker' in result)) continue;
          pool.release(result, failed, 0);
          pool.settle([attempt(result, failed)], 0);
        }
      expect(ejectedByAnswers(pool)).toHaveLength(2);
    });

    it('keeps its trial running until the request is settled', () => {
      const pool = aPool([a, b]);
      for (let i = 0; i < 3; i++) failAtA(pool, 0, served);
      const trial = expectAcquired(pool.acquire(12_000));
      expect([trial.worker.id, trial.isTrial]).toEqual(['a', true]);
      pool.release(trial, failed, 12_001);
      expect(idOf(pool.acquire(12_002))).toBe('b');
      const second = expectAcquired(pool.acquire(12_003, new Set(['a'])));
      pool.release(second, failed, 12_003);
      pool.settle([attempt(trial, failed), attempt(second, failed)], 12_004);
      expect(expectAcquired(pool.acquire(12_005)).isTrial).toBe(true);
    });
  });
});
