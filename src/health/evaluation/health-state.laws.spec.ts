import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterMissedHeartbeats,
  atMostSuspect,
  DEFAULT_HEALTH_LIMITS as LIMITS,
  type HealthLimits,
  type HealthState,
  judgeFault,
  judgeHealth,
  type ProbeEvidence,
  unknownHealth,
} from './health-state.js';
import { limitEjection, NO_EJECTIONS, tryEject } from './ejection-limit.js';

const OWNERS = { ...LIMITS, isOwners: true };
const good: ProbeEvidence = { failure: null, detail: 'GET /health answered 200', generation: 1 };
const refused: ProbeEvidence = { failure: 'connection', detail: 'connection refused', generation: 1 };
const silent: ProbeEvidence = { failure: 'timeout', detail: 'no answer in 2 s', generation: 1 };
const bad: ProbeEvidence = { failure: 'answer', detail: 'GET /health answered 500', generation: 1 };

const probe = fc.record<ProbeEvidence>({
  failure: fc.constantFrom(null, null, 'connection', 'timeout', 'answer'),
  detail: fc.string(),
  generation: fc.constantFrom(1, 1, 1, 0),
});
const round = fc.record({
  evidence: probe,
  afterMs: fc.nat({ max: 20_000 }),
  servedMsAgo: fc.option(fc.nat({ max: 90_000 })),
});
const limits = fc.record({
  failuresDown: fc.integer({ min: 1, max: 5 }),
  successesUp: fc.integer({ min: 1, max: 5 }),
  isOwners: fc.boolean(),
  servedMs: fc.constant(30_000),
  reportMs: fc.constant(20_000),
  silenceMs: fc.constant(60_000),
  warmingMs: fc.constant(30_000),
});
type Round = typeof round extends fc.Arbitrary<infer T> ? T : never;

function* walk(rounds: readonly Round[], its: HealthLimits) {
  let before = unknownHealth(1, 0);
  let nowMs = 0;
  for (const { evidence, afterMs, servedMsAgo } of rounds) {
    nowMs += afterMs;
    const servedMs = servedMsAgo === null ? null : nowMs - servedMsAgo;
    const after = judgeHealth(before, evidence, servedMs, its, nowMs);
    yield { before, after, evidence, servedMsAgo, nowMs };
    before = after;
  }
}
const always = (rounds: (all: Round[], its: HealthLimits) => void) =>
  fc.assert(fc.property(fc.array(round, { maxLength: 30 }), limits, rounds));

const START = unknownHealth(1, 0);
const times = (count: number, evidence: ProbeEvidence) => Array.from({ length: count }, () => evidence);

/** Probes every five seconds. */
const after = (
  probes: readonly ProbeEvidence[],
  its = LIMITS,
  from = unknownHealth(1, 0),
  lastServedMs: number | null = null,
) =>
  probes.reduce<HealthState>(
    (state, seen, index) => judgeHealth(state, seen, lastServedMs, its, from.sinceMs + (index + 1) * 5000),
    from,
  );

describe('health after any sequence of probes', () => {
  it('ignores evidence of an older definition', () => {
    always((rounds, its) => {
      for (const { before, after: then, evidence } of walk(rounds, its)) {
        expect(then === before).toBe(evidence.generation < 1);
      }
    });
  });

  it('changes only along the allowed steps', () => {
    const steps = new Set([
      ...['healthy', 'suspect', 'unhealthy'].map((to) => `unknown ${to}`),
      ...['suspect', 'unhealthy'].map((to) => `healthy ${to}`),
      ...['healthy', 'unhealthy'].map((to) => `suspect ${to}`),
      'unhealthy warming',
      ...['healthy', 'suspect', 'unhealthy'].map((to) => `warming ${to}`),
    ]);
    always((rounds, its) => {
      for (const { before, after: then, nowMs } of walk(rounds, its)) {
        const moved = before.health !== then.health;
        expect(moved ? steps.has(`${before.health} ${then.health}`) : true).toBe(true);
        expect(then.sinceMs).toBe(moved ? nowMs : before.sinceMs);
      }
    });
  });

  it('needs enough failures in a row to make a worker unhealthy and enough successes to bring it back', () => {
    always((rounds, its) => {
      for (const { before, after: then } of walk(rounds, its)) {
        const wentDown = then.health === 'unhealthy' && before.health !== 'unhealthy';
        const cameUp = then.health !== 'unhealthy' && before.health === 'unhealthy';
        expect(wentDown ? then.failuresInRow : Infinity).toBeGreaterThanOrEqual(its.failuresDown);
        expect(cameUp ? then.successesInRow : Infinity).toBeGreaterThanOrEqual(its.successesUp);
      }
    });
  });

  it('keeps a worker at suspect that served since its first failed probe, unless its connections fail', () => {
    always((rounds, its) => {
      for (const { before, after: then, servedMsAgo, nowMs } of walk(rounds, { ...its, isOwners: false })) {
        if (then.health !== 'unhealthy' || before.health === 'unhealthy') continue;
        if (then.unreachableInRow >= its.failuresDown) continue;
        const servedMs = servedMsAgo === null || servedMsAgo >= 30_000 ? -Infinity : nowMs - servedMsAgo;
        expect(servedMs).toBeLessThan(then.failingSinceMs ?? Infinity);
      }
    });
  });

  it('makes a worker unhealthy after enough failed connections in a row, even while it serves', () => {
    always((rounds, its) => {
      for (const { after: then } of walk(rounds, its)) {
        expect(then.unreachableInRow >= its.failuresDown ? then.health : 'unhealthy').toBe('unhealthy');
      }
    });
  });

  it('counts failed connections among the failures, and knows since when probes fail', () => {
    always((rounds, its) => {
      for (const { after: then } of walk(rounds, its)) {
        expect(then.unreachableInRow).toBeLessThanOrEqual(then.failuresInRow);
        expect(then.failingSinceMs === null).toBe(then.failuresInRow === 0);
      }
    });
  });

  it('follows a health_check of the owner to the letter', () => {
    always((rounds, its) => {
      for (const { after: then } of walk(rounds, { ...its, isOwners: true })) {
        expect(then.failuresInRow >= its.failuresDown ? then.health : 'unhealthy').toBe('unhealthy');
        expect(then.health).not.toBe('suspect');
      }
    });
  });
});

describe('judgeHealth', () => {
  it('makes a new worker healthy after one success, without warming', () => {
    expect(after([good])).toMatchObject({ health: 'healthy', reason: good.detail, sinceMs: 5000 });
  });

  it('makes a worker unhealthy at the third failure in a row', () => {
    expect(after([good, bad, bad]).health).toBe('healthy');
    expect(after([good, bad, bad, good, bad, bad]).health).toBe('healthy');
    expect(after([good, bad, bad, bad])).toMatchObject({
      health: 'unhealthy',
      reason: '3 probes in a row failed: GET /health answered 500',
    });
  });

  it('reports the first failure of a new worker before the verdict', () => {
    expect(after([bad])).toMatchObject({
      health: 'unknown',
      reason: 'a probe failed: GET /health answered 500',
    });
  });

  it('keeps a silent worker at suspect for a minute, then makes it unhealthy', () => {
    expect(after([good, silent, silent, silent])).toMatchObject({ health: 'suspect', sinceMs: 20_000 });
    expect(after([good, ...times(11, silent)]).health).toBe('suspect');
    expect(after([good, ...times(12, silent)]).health).toBe('unhealthy');
    expect(after([good, silent, silent, silent, good]).health).toBe('healthy');
  });

  it('makes a killed worker unhealthy although it served just before', () => {
    expect(after([good, refused, refused], LIMITS, START, 9_000).health).toBe('healthy');
    expect(after([good, refused, refused, refused], LIMITS, START, 9_000)).toMatchObject({
      health: 'unhealthy',
      reason: '3 probes in a row failed: connection refused',
    });
  });

  it('does not count a single refused connection after timeouts as a dead worker', () => {
    expect(after([good, silent, silent, refused]).health).toBe('suspect');
    expect(after([good, silent, silent, refused, refused, refused]).health).toBe('unhealthy');
  });

  it('keeps a worker at suspect that still serves while its default probe is answered with errors', () => {
    const failing = [good, bad, bad, bad, bad];
    expect(after(failing, LIMITS, START, 20_000)).toMatchObject({
      health: 'suspect',
      reason: 'serves requests, but its probes fail: GET /health answered 500',
    });
    expect(after(failing, OWNERS, START, 20_000).health).toBe('unhealthy');
  });

  it('waits for reports of other replicas before it calls a worker unhealthy that served until its probes failed', () => {
    const served = (probes: number) => after([good, ...times(probes, bad)], LIMITS, START, 9_000).health;
    expect(served(4)).toBe('suspect');
    expect(served(5)).toBe('unhealthy');
  });

  it('warms a worker that comes back, and calls it healthy half a minute later', () => {
    const back = after([good, bad, bad, bad, good, good]);
    expect(back).toMatchObject({ health: 'warming', sinceMs: 30_000 });
    expect(after(times(5, good), LIMITS, back).health).toBe('warming');
    expect(after(times(6, good), LIMITS, back).health).toBe('healthy');
    expect(after([bad, bad, bad], LIMITS, back).health).toBe('unhealthy');
  });

  it('keeps the reason of the moment a worker became unhealthy', () => {
    const down = after([good, bad, bad, bad]);
    expect(after([silent, good, bad], LIMITS, down).reason).toBe(down.reason);
  });
});

describe('a definition with a fault', () => {
  it('makes a worker unhealthy without a probe, until it is fixed and probes succeed', () => {
    const faulty = judgeFault(after([good]), 'credentials missing', 9000);
    expect(faulty).toMatchObject({
      health: 'unhealthy',
      reason: 'credentials missing',
      sinceMs: 9000,
      failuresInRow: 0,
    });
    expect(judgeFault(faulty, 'credentials missing', 20_000)).toEqual(faulty);
    const fixed = judgeHealth(faulty, good, null, LIMITS, 30_000);
    expect(fixed.reason).toBe(`answers again, not often enough yet: ${good.detail}`);
    expect(judgeHealth(fixed, good, null, LIMITS, 31_000).health).toBe('warming');
  });
});

describe('a worker that missed its heartbeats', () => {
  it('is suspect at best until a heartbeat comes, and the reason says so', () => {
    const healthy = after([good]);
    const late = afterMissedHeartbeats(healthy, after([good], LIMITS, healthy), 10_000);
    expect(late).toMatchObject({
      health: 'suspect',
      sinceMs: 10_000,
      reason: expect.stringContaining('no heartbeat'),
    });
    const still = afterMissedHeartbeats(late, judgeHealth(late, good, null, LIMITS, 15_000), 15_000);
    expect(still).toMatchObject({ health: 'suspect', sinceMs: 10_000, reason: late.reason });
    expect(judgeHealth(still, good, null, LIMITS, 20_000)).toMatchObject({
      health: 'healthy',
      reason: good.detail,
    });
    const down = after([bad, bad, bad], LIMITS, still);
    expect(afterMissedHeartbeats(still, down, 40_000)).toBe(down);
  });
});

describe('the ejection limit', () => {
  it('changes no verdict that makes no worker unhealthy', () => {
    always((rounds, its) => {
      for (const { before, after: then, nowMs } of walk(rounds, its)) {
        const { state, recent } = limitEjection(
          NO_EJECTIONS,
          before,
          then,
          10,
          { share: 0.3, intervalMs: 5000 },
          nowMs,
        );
        const goesDown = then.health === 'unhealthy' && before.health !== 'unhealthy';
        expect(state).toBe(then);
        expect(recent.count).toBe(goesDown ? 1 : 0);
      }
    });
  });

  it('lets one prober make at most max(1, 30 %) of a model unhealthy in an interval', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(fc.nat({ max: 3000 })), (workers, gaps) => {
        let recent = NO_EJECTIONS;
        let nowMs = 0;
        const taken: number[] = [];
        for (const gap of gaps) {
          nowMs += gap;
          const { isAllowed, after: then } = tryEject(
            recent,
            workers,
            { share: 0.3, intervalMs: 5000 },
            nowMs,
          );
          recent = then;
          if (isAllowed) taken.push(nowMs);
        }
        // Intervals follow one another: in any five seconds there are at most two.
        const most = Math.max(
          ...taken.map((from) => taken.filter((at) => at >= from && at < from + 5000).length),
          0,
        );
        expect(most).toBeLessThanOrEqual(2 * Math.max(1, Math.floor(0.3 * workers)));
        const first = taken.filter((at) => at < (taken[0] ?? 0) + 5000).length;
        expect(first).toBeLessThanOrEqual(Math.max(1, Math.floor(0.3 * workers)));
      }),
    );
  });

  it('leaves the rest suspect until the next interval confirms', () => {
    const healthy = after([good]);
    const down = after([bad, bad, bad], LIMITS, healthy);
    const kept = atMostSuspect(healthy, down, 20_000);
    expect(kept).toMatchObject({ health: 'suspect', sinceMs: 20_000, failuresInRow: 3 });
    expect(kept.reason).toContain(down.reason);
    expect(after([bad], LIMITS, kept).health).toBe('unhealthy');
    expect(atMostSuspect(down, after([bad], LIMITS, down), 30_000).health).toBe('unhealthy');
  });
});
