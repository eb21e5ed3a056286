import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
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
import { afterMissedHeartbeats } from './missed-heartbeats.js';

const OWNERS = { ...LIMITS, isOwners: true };
const good: ProbeEvidence = { ok: true, detail: 'GET /health answered 200', isSilent: false, generation: 1 };
const bad: ProbeEvidence = { ok: false, detail: 'connection refused', isSilent: false, generation: 1 };
const silent: ProbeEvidence = { ok: false, detail: 'no answer in 2 s', isSilent: true, generation: 1 };

const probe = fc.record({
  ok: fc.boolean(),
  detail: fc.string(),
  isSilent: fc.boolean(),
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

describe('health, whatever the probes say', () => {
  it('drops evidence of an older definition whole', () => {
    always((rounds, its) => {
      for (const { before, after: then, evidence } of walk(rounds, its)) {
        expect(then === before).toBe(evidence.generation < 1);
      }
    });
  });

  it('takes no step but those there are', () => {
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

  it('takes nobody down without enough failures in a row, and nobody up without enough successes', () => {
    always((rounds, its) => {
      for (const { before, after: then } of walk(rounds, its)) {
        const wentDown = then.health === 'unhealthy' && before.health !== 'unhealthy';
        const cameUp = then.health !== 'unhealthy' && before.health === 'unhealthy';
        expect(wentDown ? then.failuresInRow : Infinity).toBeGreaterThanOrEqual(its.failuresDown);
        expect(cameUp ? then.successesInRow : Infinity).toBeGreaterThanOrEqual(its.successesUp);
      }
    });
  });

  it('never takes down by a default probe what has served a request in the last half minute', () => {
    always((rounds, its) => {
      for (const { before, after: then, servedMsAgo } of walk(rounds, { ...its, isOwners: false })) {
        const wentDown = then.health === 'unhealthy' && before.health !== 'unhealthy';
        expect(wentDown ? (servedMsAgo ?? Infinity) : Infinity).toBeGreaterThanOrEqual(30_000);
      }
    });
  });

  it('obeys a check its owner wrote to the letter', () => {
    always((rounds, its) => {
      for (const { after: then } of walk(rounds, { ...its, isOwners: true })) {
        expect(then.failuresInRow >= its.failuresDown ? then.health : 'unhealthy').toBe('unhealthy');
        expect(then.health).not.toBe('suspect');
      }
    });
  });
});

describe('health', () => {
  it('trusts a new worker after one success, without warming it up', () => {
    expect(after([good])).toMatchObject({ health: 'healthy', reason: good.detail, sinceMs: 5000 });
  });

  it('takes a worker down at the third failure in a row', () => {
    expect(after([good, bad, bad]).health).toBe('healthy');
    expect(after([good, bad, bad, good, bad, bad]).health).toBe('healthy');
    expect(after([good, bad, bad, bad])).toMatchObject({
      health: 'unhealthy',
      reason: '3 probes in a row failed: connection refused',
    });
  });

  it('says of a new worker how it looks before the verdict', () => {
    expect(after([bad])).toMatchObject({ health: 'unknown', reason: 'a probe failed: connection refused' });
  });

  it('takes a busy worker for suspect, and for dead after a minute of silence', () => {
    expect(after([good, silent, silent, silent])).toMatchObject({ health: 'suspect', sinceMs: 20_000 });
    expect(after([good, ...times(11, silent)]).health).toBe('suspect');
    expect(after([good, ...times(12, silent)]).health).toBe('unhealthy');
    expect(after([good, silent, silent, silent, good]).health).toBe('healthy');
  });

  it('takes one whose default probe fails while it serves for suspect, whatever the failure', () => {
    expect(after([good, bad, bad, bad, bad], LIMITS, unknownHealth(1, 0), 20_000)).toMatchObject({
      health: 'suspect',
      reason: 'it serves requests, but its probes fail: connection refused',
    });
    expect(after([good, bad, bad, bad, bad], OWNERS, unknownHealth(1, 0), 20_000).health).toBe('unhealthy');
  });

  it('warms up one that comes back, and calls it healthy half a minute later', () => {
    const back = after([good, bad, bad, bad, good, good]);
    expect(back).toMatchObject({ health: 'warming', sinceMs: 30_000 });
    expect(after(times(5, good), LIMITS, back).health).toBe('warming');
    expect(after(times(6, good), LIMITS, back).health).toBe('healthy');
    expect(after([bad, bad, bad], LIMITS, back).health).toBe('unhealthy');
  });

  it('keeps the reason of the moment it went down', () => {
    const down = after([good, bad, bad, bad]);
    expect(after([silent, good, bad], LIMITS, down).reason).toBe(down.reason);
  });
});

describe('a definition with a fault', () => {
  it('makes a worker unhealthy without a probe, until it is mended and answers', () => {
    const faulty = judgeFault(after([good]), 'credentials missing', 9000);
    expect(faulty).toMatchObject({
      health: 'unhealthy',
      reason: 'credentials missing',
      sinceMs: 9000,
      failuresInRow: 0,
    });
    expect(judgeFault(faulty, 'credentials missing', 20_000)).toEqual(faulty);
    const mended = judgeHealth(faulty, good, null, LIMITS, 30_000);
    expect(mended.reason).toBe(`answering again, not yet often enough: ${good.detail}`);
    expect(judgeHealth(mended, good, null, LIMITS, 31_000).health).toBe('warming');
  });
});

describe('a worker that missed its heartbeats', () => {
  it('is suspect at best, and says why, until one comes', () => {
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

describe('the mass-failure brake', () => {
  it('lets through what takes nobody down, untouched', () => {
    always((rounds, its) => {
      for (const { before, after: then, nowMs } of walk(rounds, its)) {
        const { state, brake } = limitEjection(
          NO_EJECTIONS,
          before,
          then,
          10,
          { share: 0.3, intervalMs: 5000 },
          nowMs,
        );
        const goesDown = then.health === 'unhealthy' && before.health !== 'unhealthy';
        expect(state).toBe(then);
        expect(brake.takenDown).toBe(goesDown ? 1 : 0);
      }
    });
  });

  it('lets one prober take down at most max(1, 30 %) of a model in an interval', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(fc.nat({ max: 3000 })), (workers, gaps) => {
        let brake = NO_EJECTIONS;
        let nowMs = 0;
        const taken: number[] = [];
        for (const gap of gaps) {
          nowMs += gap;
          const { isAllowed, after: then } = tryEject(
            brake,
            workers,
            { share: 0.3, intervalMs: 5000 },
            nowMs,
          );
          brake = then;
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
