import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bucket, refillMs } from './bucket.js';
import { duration, setLimitHeaders, tighter } from './limit-headers.js';
import type { Limits } from './limits.js';
import { type Charge, Meter } from './meter.js';
import { monthAt, nextMonthMs } from './month-budget.js';
import { exchange, ServerClock, type SharedUse } from './shared-use.js';

const NONE: Limits = {
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxConcurrent: null,
  tokensPerMonth: null,
  costPerMonth: null,
  costCurrency: null,
};
const ALONE = { count: 1, isAway: false };

describe('a bucket', () => {
  it('admits no more than its size and what refills, in any span of time', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 5_000 }), fc.integer({ min: 1, max: 30 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), steps, (size, moves) => {
        const bucket = new Bucket(size, 0);
        const taken: { atMs: number; count: number }[] = [];
        let nowMs = 0;
        for (const [pauseMs, count] of moves) {
          nowMs += pauseMs;
          if (bucket.refill(size, nowMs) < count) continue;
          bucket.level -= count;
          taken.push({ atMs: nowMs, count });
        }
        for (const { atMs } of taken) {
          const since = taken.filter((each) => each.atMs >= atMs);
          const sum = since.reduce((all, { count }) => all + count, 0);
          expect(sum).toBeLessThanOrEqual(size + (size * (nowMs - atMs)) / 60_000 + 1e-6);
        }
      }),
    );
  });

  it('has what is needed exactly when a refusal says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (size, part) => {
          const need = size * part;
          const bucket = new Bucket(-size, 0);
          const ms = refillMs(size, -size, need);
          expect(bucket.refill(size, ms)).toBeCloseTo(need, 6);
        },
      ),
    );
  });

  it('follows a limit that changes, at once when it becomes smaller', () => {
    const bucket = new Bucket(600, 0);
    expect(bucket.refill(60, 1)).toBe(60);
    bucket.level = 0;
    expect(bucket.refill(600, 60_001)).toBe(600);
  });
});

describe('a meter', () => {
  it('reports all that was used, once, whether exchanges fail or not', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 900 }), fc.nat({ max: 900 }), fc.boolean()), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (moves) => {
        const limits = { ...NONE, tokensPerMinute: 1e9, requestsPerMinute: 1e9 };
        const meter = new Meter();
        let shared: SharedUse | null = null;
        let [nowMs, used, left] = [0, 0, moves.length];
        for (const [estimated, real, fails] of moves) {
          nowMs += 10;
          expect(meter.refusal(limits, estimated, nowMs, ALONE)).toBeNull();
          meter.settle(meter.take(estimated, nowMs, ALONE), real);
          meter.leave();
          meter.spend(real, 0);
          used += real;
          const report = meter.report('a', limits, nowMs, ALONE);
          if (fails && (left -= 1) > 0) {
            meter.restore(report);
            continue;
          }
          const answer = exchange(shared, report, nowMs);
          shared = answer.shared;
          meter.adopt(answer.allowance, nowMs);
        }
        const last = exchange(shared, meter.report('a', limits, nowMs, ALONE), nowMs);
        expect(last.shared.monthTokens).toBe(used);
      }),
    );
  });

  it('lets replicas run no more than the limit and one for each other replica, however exchanges cross', () => {
    const step = fc.record({
      replica: fc.nat({ max: 2 }),
      does: fc.constantFrom('enter', 'enter', 'enter', 'end', 'report', 'apply', 'adopt'),
      pauseMs: fc.nat({ max: 20 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 250 }), (limit, steps) => {
        const limits = { ...NONE, maxConcurrent: limit };
        const peers = { count: 3, isAway: false };
        const sides = [0, 1, 2].map(() => ({
          meter: new Meter(),
          running: [] as Charge[],
          report: null as ReturnType<Meter['report']> | null,
          answer: null as ReturnType<typeof exchange>['allowance'] | null,
        }));
        let shared: SharedUse | null = null;
        let nowMs = 0;
        for (const { replica, does, pauseMs } of steps) {
          nowMs += pauseMs;
          const side = sides[replica];
          if (side === undefined) continue;
          if (does === 'enter' && side.meter.refusal(limits, 0, nowMs, peers) === null)
            side.running.push(side.meter.take(0, nowMs, peers));
          const ended = does === 'end' ? side.running.shift() : undefined;
          if (ended !== undefined) side.meter.leave();
          if (does === 'report' && side.report === null && side.answer === null)
            side.report = side.meter.report(`r${replica}`, limits, nowMs, peers);
          if (does === 'apply' && side.report !== null) {
            const answer = exchange(shared, side.report, nowMs);
            shared = answer.shared;
            side.report = null;
            side.answer = answer.allowance;
          }
          if (does === 'adopt' && side.answer !== null) {
            side.meter.adopt(side.answer, nowMs);
            side.answer = null;
          }
          const running = sides.reduce((sum, each) => sum + each.running.length, 0);
          expect(running).toBeLessThanOrEqual(limit + 2);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('counts what a report holds while its answer is on the way, when it does not come, and once when it comes', () => {
    const limits = { ...NONE, costPerMonth: 1 };
    const nowMs = Date.UTC(2026, 10, 28);
    const meter = new Meter();
    const isSpent = () => meter.refusal(limits, 0, nowMs, ALONE)?.limit === 'cost_per_month';
    meter.spend(0, 0.6);
    const lost = meter.report('r', limits, nowMs, ALONE);
    meter.spend(0, 0.5);
    expect(isSpent()).toBe(true);
    meter.restore(lost);
    expect(isSpent()).toBe(true);
    const arrived = meter.report('r', limits, nowMs, ALONE);
    expect(isSpent()).toBe(true);
    meter.adopt(exchange(null, arrived, nowMs).allowance, nowMs);
    expect(isSpent()).toBe(true);
    expect(meter.refusal({ ...limits, costPerMonth: 1.2 }, 0, nowMs, ALONE)).toBeNull();
  });

  it('stops at the budget of a month, and goes on in the next', () => {
    const limits = { ...NONE, tokensPerMonth: 1_000, costPerMonth: 5 };
    const nowMs = Date.UTC(2026, 10, 30, 23, 59);
    const meter = new Meter();
    expect(meter.refusal(limits, 0, nowMs, ALONE)).toBeNull();
    meter.spend(1_000, 1);
    expect(meter.refusal(limits, 0, nowMs, ALONE)).toEqual({
      limit: 'tokens_per_month',
      value: 1_000,
      retryAfterMs: 60_000,
    });
    const { shared, allowance } = exchange(null, meter.report('a', limits, nowMs, ALONE), nowMs);
    meter.adopt(allowance, nowMs);
    expect(meter.refusal(limits, 0, nowMs, ALONE)?.limit).toBe('tokens_per_month');
    expect(meter.refusal(limits, 0, nowMs + 60_000, ALONE)).toBeNull();
    // A replica whose clock is late does not take the sums of the new month back.
    const next = exchange(
      shared,
      { ...meter.report('a', limits, nowMs + 60_000, ALONE), monthTokens: 7 },
      nowMs,
    );
    expect(next.shared).toMatchObject({ month: '2026-12-01', monthTokens: 7 });
    const late = exchange(next.shared, meter.report('b', limits, nowMs, ALONE), nowMs);
    expect(late.shared).toMatchObject({ month: '2026-12-01', monthTokens: 7 });
  });

  it('stops at an amount of money, too', () => {
    const limits = { ...NONE, costPerMonth: 5 };
    const meter = new Meter();
    meter.spend(1_000, 4.99);
    expect(meter.refusal(limits, 0, 0, ALONE)).toBeNull();
    meter.spend(10, 0.01);
    expect(meter.refusal(limits, 0, 0, ALONE)?.limit).toBe('cost_per_month');
  });
});

describe('months', () => {
  it('are those of the calendar in UTC', () => {
    expect(monthAt(Date.UTC(2027, 0, 1))).toBe('2027-01-01');
    expect(monthAt(Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe('2026-12-01');
    expect(nextMonthMs(Date.UTC(2026, 11, 31))).toBe(Date.UTC(2027, 0, 1));
  });
});

describe('headers of limits', () => {
  it('write durations as OpenAI does', () => {
    const written = [0, 20, 999.2, 1_000, 8_640, 59_999, 60_000, 90_500, 360_000, 3_600_000].map(duration);
    expect(written).toEqual([
      '0ms',
      '20ms',
      '1s',
      '1s',
      '8.64s',
      '59.999s',
      '1m0s',
      '1m31s',
      '6m0s',
      '1h0m0s',
    ]);
  });

  it('have Anthropic’s names and points in time for its clients', () => {
    const set = new Map<string, string>();
    const shown = { limit: 60, remaining: 59, fullMs: 1_000 };
    const response = { header: (name: string, value: string) => set.set(name, value) };
    setLimitHeaders(response, 'requests', shown, true, Date.UTC(2026, 0, 1));
    expect(Object.fromEntries(set)).toEqual({
      'anthropic-ratelimit-requests-limit': '60',
      'anthropic-ratelimit-requests-remaining': '59',
      'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:01Z',
    });
  });

  it('show the tighter one of two limits', () => {
    const [wide, narrow] = [
      { limit: 100, remaining: 10, fullMs: 0 },
      { limit: 600, remaining: 9, fullMs: 0 },
    ];
    expect(tighter(wide, narrow)).toBe(narrow);
    expect(tighter(wide, null)).toBe(wide);
    expect(tighter({ ...narrow, remaining: 10 }, wide)).toBe(wide);
  });
});

describe('the clock of the database', () => {
  it('is known to within the shortest of the last delays, whatever the others are, and after a clock was set', () => {
    const delays = fc.array(fc.integer({ min: 3, max: 2_000 }), { minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(delays, fc.integer({ min: -5_000, max: 5_000 }), (all, ahead) => {
        const clock = new ServerClock();
        let nowMs = 1_000_000;
        // Before, the clock was an hour ahead.
        clock.aheadMs(nowMs + 3_600_000, nowMs);
        let found = NaN;
        for (const delay of all) {
          nowMs += 250 + delay;
          found = clock.aheadMs(nowMs - delay + ahead, nowMs);
        }
        expect(ahead - found).toBe(Math.min(...all.slice(-16)));
      }),
    );
  });
});
