import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TUNING } from '../../config/tuning.js';
import type { PollCall, StatusReading } from '../../registry/poll.js';
import type { Change } from './change.js';
import type { ClaimedJob } from './job-leases.js';
import { afterCancel, afterLostSubmit, afterStatus, afterSubmit } from './next-step.js';
import { resultAgain } from './result-steps.js';

const limits = TUNING.jobs;
const FINAL = ['succeeded', 'failed', 'cancelled'];
const text = fc.string({ maxLength: 20 });
const age = fc.option(fc.nat({ max: 700_000 }));

const pollArbitrary = fc.record({
  resubmit: fc.constantFrom('never', 'once', 'ask'),
  intervalMs: fc.integer({ min: 500, max: 60_000 }),
  timeoutMs: fc.integer({ min: 1_000, max: 3_600_000 }),
  notFoundMs: fc.nat({ max: 60_000 }),
  queueMs: fc.nat({ max: 600_000 }),
}) as unknown as fc.Arbitrary<PollCall>;
const claimed: fc.Arbitrary<ClaimedJob> = fc.record({
  id: fc.constant('j'),
  fence: fc.nat(),
  submits: fc.integer({ min: 1, max: 12 }),
  state: fc.constantFrom('running', 'unknown', 'cancelling'),
  mode: fc.constant('poll' as const),
  modelName: fc.constant('m'),
  workerId: fc.constant('w'),
  kept: fc.constant({}),
  progress: fc.nat({ max: 100 }),
  requestId: fc.constant('r'),
  cancelWanted: fc.boolean(),
  isOverdue: fc.boolean(),
  stateMs: fc.nat({ max: 700_000 }),
  notFoundMs: age,
  doneMs: age,
  cancelMs: age,
  lateMs: fc.nat(),
});
const anyReading: fc.Arbitrary<StatusReading> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('queued' as const, 'running' as const),
    word: text,
    progress: fc.option(fc.nat({ max: 100 })),
    queuePosition: fc.option(fc.nat()),
    note: text,
  }),
  fc.record({ kind: fc.constant('done' as const), word: text, answer: fc.constant({}) }),
  fc.record({ kind: fc.constantFrom('failed' as const, 'cancelled' as const), word: text, message: text }),
  fc.record({ kind: fc.constant('again' as const), retryAfterMs: fc.option(fc.nat()), note: text }),
  fc.record({ kind: fc.constant('not_found' as const), note: text }),
);
const chance = fc.double({ min: 0, max: 1, noNaN: true });

/** A final state has a cause; one that lives is looked at again. */
function isWhole(change: Change): boolean {
  const isEnd = FINAL.includes(change.state);
  const hasCause = change.state === 'succeeded' || change.error !== undefined;
  return (
    Number.isFinite(change.dueMs) && change.dueMs >= 0 && (isEnd ? hasCause : change.error === undefined)
  );
}

/** A case that breaks the law; `null`: none was found. */
function broken<Case>(cases: fc.Arbitrary<Case>, law: (one: Case) => boolean): readonly [Case] | null {
  return fc.check(fc.property(cases, law)).counterexample;
}

const looked = fc.record({ job: claimed, reading: anyReading, poll: pollArbitrary, luck: chance });

describe('the next step of a job', () => {
  it('is decided by every answer: an end with its cause, or another look', () => {
    const found = broken(looked, ({ job, reading, poll, luck }) => {
      const change = afterStatus(job, reading, poll, limits, luck);
      return reading.kind === 'done' ? change === null : change !== null && isWhole(change);
    });
    expect(found).toBe(null);
  });

  it('never submits a job again whose task the upstream has', () => {
    const found = broken(looked, ({ job, reading, poll, luck }) => {
      const isAgain = afterStatus(job, reading, poll, limits, luck)?.state === 'queued';
      return !isAgain || (job.state === 'unknown' && reading.kind === 'not_found');
    });
    expect(found).toBe(null);
  });

  it('ends a job as timeout or lost only by an answer that was given after its time', () => {
    const found = broken(looked, ({ job, reading, poll, luck }) => {
      const code = afterStatus(job, reading, poll, limits, luck)?.error?.code;
      if (code === 'timeout') return job.isOverdue;
      return code !== 'upstream_lost' || job.isOverdue || (job.notFoundMs ?? -1) >= poll.notFoundMs;
    });
    expect(found).toBe(null);
  });

  it('submits a job again of which nothing is known only as its worker allows', () => {
    const found = broken(fc.record({ job: claimed, poll: pollArbitrary }), ({ job, poll }) => {
      const change = afterLostSubmit({ ...job, state: 'unknown' }, poll, limits);
      if (poll.resubmit === 'ask' || change === null) return poll.resubmit === 'ask' && change === null;
      return isWhole(change) && (change.state !== 'queued' || (poll.resubmit === 'once' && job.submits < 2));
    });
    expect(found).toBe(null);
  });

  it('queues a job again after a submit only if nothing was made, or as its worker allows', () => {
    const answers = fc.oneof(
      fc.record({ kind: fc.constant('accepted' as const), kept: fc.constant({ TASK_ID: 't' }) }),
      fc.record({ kind: fc.constant('busy' as const), retryAfterMs: fc.option(fc.nat()), message: text }),
      fc.record({ kind: fc.constantFrom('refused' as const, 'unknown' as const), message: text }),
    );
    const submitted = fc.record({
      reading: answers,
      submit: fc.integer({ min: 1, max: 9 }),
      poll: pollArbitrary,
      luck: chance,
    });
    const found = broken(submitted, ({ reading, submit, poll, luck }) => {
      const change = afterSubmit(reading, 'w', submit, poll, luck);
      if (change.state !== 'queued') return isWhole(change);
      return (
        reading.kind === 'busy' || (reading.kind === 'unknown' && poll.resubmit === 'once' && submit === 1)
      );
    });
    expect(found).toBe(null);
  });

  it('ends every cancel, and every result that cannot be fetched, after a while', () => {
    const found = broken(looked, ({ job, poll, luck }) => {
      const late = { ...job, cancelMs: limits.cancelMs, doneMs: limits.resultMs };
      return (
        isWhole(afterCancel(job, null, limits)) &&
        afterCancel(late, null, limits).state === 'cancelled' &&
        resultAgain(late, 'away', null, poll, limits, luck).error?.code === 'result_unreachable'
      );
    });
    expect(found).toBe(null);
  });

  it('keeps looks apart: the interval varies by a fifth', () => {
    const found = broken(looked, ({ job, poll, luck }) => {
      const reading = { kind: 'running', word: 'x', progress: null, queuePosition: null, note: '' } as const;
      const dueMs = afterStatus({ ...job, isOverdue: false }, reading, poll, limits, luck)?.dueMs ?? 0;
      return dueMs >= poll.intervalMs * 0.8 - 1e-6 && dueMs <= poll.intervalMs * 1.2 + 1e-6;
    });
    expect(found).toBe(null);
  });
});
