import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import { POLICIES } from '../policies/strategies.js';
import { DEFAULT_ADMISSION_LIMITS, DEFAULT_STATS_LIMITS } from '../../config/tuning.js';
import { Admission } from './admission.js';
import type { Clock } from './clock.js';
import { RequestAttempts } from './request-attempts.js';
import type { Rejection } from './waiter.js';
import type { AcquiredWorker } from '../pool/acquired-worker.js';
import { WorkerPool } from '../pool/worker-pool.js';
import type { PoolMember } from '../pool/pooled-worker.js';

/** Time passes only when the test says so. */
class HandClock implements Clock {
  private readonly alarms = new Set<{ readonly atMs: number; readonly run: () => void }>();
  private ms = 0;
  nowMs(): number {
    return this.ms;
  }
  after(delayMs: number, run: () => void): () => void {
    const alarm = { atMs: this.ms + delayMs, run };
    this.alarms.add(alarm);
    return () => this.alarms.delete(alarm);
  }
  pass(ms: number): void {
    const untilMs = this.ms + ms;
    for (;;) {
      const [next] = [...this.alarms].toSorted((one, other) => one.atMs - other.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.alarms.delete(next);
      this.ms = next.atMs;
      next.run();
    }
    this.ms = untilMs;
  }
  get pending(): number {
    return this.alarms.size;
  }
}

const aMember = (about: Partial<PoolMember>): PoolMember => ({
  id: 'a',
  weight: 1,
  priority: 0,
  concurrencyLimit: 1,
  isEnabled: true,
  health: 'healthy',
  generation: 1,
  ...about,
});

function setUp(members: readonly PoolMember[]) {
  const clock = new HandClock();
  const pool = new WorkerPool(POLICIES.least_load, DEFAULT_STATS_LIMITS, seededRandom(3));
  pool.update(members);
  const admission = new Admission(pool, clock, DEFAULT_ADMISSION_LIMITS, () => 0.5);
  const answers: [string, string][] = [];
  const acquired: AcquiredWorker[] = [];
  const enter = (name: string, about: { tried?: string[]; deadlineMs?: number } = {}) =>
    admission.enter(
      { tried: new Set(about.tried), deadlineMs: about.deadlineMs ?? Infinity },
      (result: AcquiredWorker | Rejection) => {
        if ('worker' in result) acquired.push(result);
        answers.push([name, 'worker' in result ? result.worker.id : result.reason]);
      },
    );
  const releaseOne = () => {
    const first = acquired.shift();
    if (first !== undefined) admission.release(first, { kind: 'success', durationMs: 1, units: 1 });
  };
  return { clock, admission, pool, answers, enter, releaseOne };
}

describe('admission', () => {
  it('serves waiting requests in the order in which they came', () => {
    const { answers, enter, releaseOne } = setUp([aMember({ concurrencyLimit: 1 })]);
    for (const name of ['first', 'second', 'third']) enter(name);
    expect(answers).toEqual([['first', 'a']]);
    releaseOne();
    releaseOne();
    expect(answers.map(([name]) => name)).toEqual(['first', 'second', 'third']);
  });

  it('lets no request pass a waiting one, but gives a worker the first has tried to the next', () => {
    const { answers, enter, releaseOne, admission } = setUp([aMember({ id: 'a' }), aMember({ id: 'b' })]);
    enter('one');
    enter('other');
    const [first] = answers[0]?.[1] ?? '';
    enter('retry', { tried: [first ?? ''] });
    enter('fresh');
    expect(admission.queued).toBe(2);
    releaseOne();
    expect(answers.slice(2)).toEqual([['fresh', first]]);
    releaseOne();
    expect(answers[3]?.[0]).toBe('retry');
  });

  it('rejects a request at once when no worker may be used', () => {
    const { answers, enter, admission } = setUp([aMember({ health: 'unhealthy' })]);
    enter('request');
    expect(answers).toEqual([['request', 'none']]);
    expect(admission.queued).toBe(0);
  });

  it('queues twice the concurrency of the workers and rejects the others with a time to retry', () => {
    const { clock, admission, enter, releaseOne, answers } = setUp([aMember({ concurrencyLimit: 10 })]);
    for (let i = 0; i < 30; i++) enter(`${i}`);
    expect(admission.queued).toBe(20);
    enter('too many');
    expect(answers.at(-1)).toEqual(['too many', 'full']);
    // Ten are served a second: the 21st would have waited about two.
    clock.pass(1000);
    for (let i = 0; i < 10; i++) releaseOne();
    for (let i = 0; i < 10; i++) enter(`later ${i}`);
    clock.pass(1000);
    for (let i = 0; i < 10; i++) releaseOne();
    for (let i = 0; i < 10; i++) enter(`last ${i}`);
    let retryAfterS = 0;
    admission.enter({ tried: new Set(), deadlineMs: Infinity }, (result) => {
      retryAfterS = 'retryAfterS' in result ? result.retryAfterS : 0;
    });
    expect(retryAfterS).toBe(11);
  });

  it('lets a request wait ten seconds, or until its deadline if that is sooner', () => {
    const { clock, enter, answers } = setUp([aMember({ concurrencyLimit: 2 })]);
    for (const name of ['one', 'other']) enter(name);
    enter('patient');
    enter('hurried', { deadlineMs: 300 });
    clock.pass(299);
    expect(answers).toHaveLength(2);
    clock.pass(1);
    expect(answers.at(-1)).toEqual(['hurried', 'waited']);
    clock.pass(9699);
    expect(answers).toHaveLength(3);
    clock.pass(1);
    expect(answers.at(-1)).toEqual(['patient', 'waited']);
  });

  it('removes a request from the queue when its client disconnects', () => {
    const { clock, enter, releaseOne, answers, admission } = setUp([aMember({ concurrencyLimit: 1 })]);
    enter('running');
    const leave = enter('gone');
    enter('next');
    leave();
    leave();
    releaseOne();
    expect(answers.map(([name]) => name)).toEqual(['running', 'next']);
    clock.pass(20_000);
    expect(answers).toHaveLength(2);
    expect(admission.queued).toBe(0);
  });

  it('admits waiting requests when a worker joins or its concurrency limit rises', () => {
    const { clock, enter, answers, pool, admission } = setUp([aMember({ concurrencyLimit: 1 })]);
    enter('running');
    enter('waiting');
    pool.update([aMember({ concurrencyLimit: 1 }), aMember({ id: 'b', concurrencyLimit: 1 })]);
    admission.serveQueue();
    expect(answers.at(-1)).toEqual(['waiting', 'b']);
    enter('another');
    pool.update([aMember({ concurrencyLimit: 2 })]);
    clock.pass(100);
    expect(answers.at(-1)).toEqual(['another', 'a']);
  });

  it('rejects waiting requests when the last worker is removed', () => {
    const { clock, enter, answers, pool } = setUp([aMember({ concurrencyLimit: 1 })]);
    enter('running');
    enter('waiting');
    pool.update([]);
    clock.pass(100);
    expect(answers.at(-1)).toEqual(['waiting', 'none']);
  });

  it('queues requests while the only worker is on trial, and answers them when the trial ends', () => {
    const { clock, enter, answers, pool, admission } = setUp([aMember({ concurrencyLimit: 5 })]);
    const refuse = () => {
      const result = pool.acquire(clock.nowMs());
      if ('worker' in result) admission.release(result, { kind: 'connect_error' });
    };
    for (let i = 0; i < 2; i++) refuse();
    enter('too early');
    expect(answers.at(-1)).toEqual(['too early', 'none']);
    clock.pass(12_000);
    const trial = pool.acquire(clock.nowMs());
    enter('one');
    enter('other');
    expect(answers).toHaveLength(1);
    if ('worker' in trial) admission.release(trial, { kind: 'connect_error' });
    expect(answers.slice(1)).toEqual([
      ['one', 'none'],
      ['other', 'none'],
    ]);
  });

  it('answers requests that wait for a trial when its request is settled', () => {
    const { clock, enter, answers, pool, admission } = setUp([aMember({ id: 'a' }), aMember({ id: 'b' })]);
    const result = pool.acquire(clock.nowMs(), new Set(['b']));
    if (!('worker' in result)) throw new Error(result.why);
    const attempts = new RequestAttempts();
    admission.release(result, { kind: 'failure' });
    attempts.add(result, { kind: 'failure' }, admission);
    enter('first');
    enter('second');
    enter('third');
    expect(answers).toHaveLength(2);
    attempts.settle();
    attempts.settle();
    expect(pool.worker('a')?.stats.circuit.failuresInARow).toBe(1);
  });

  it('queues requests for a worker whose slots other replicas hold', () => {
    const { enter, answers, pool, admission } = setUp([aMember({ concurrencyLimit: 0 })]);
    for (const name of ['one', 'other', 'third']) enter(name);
    expect(answers).toEqual([['third', 'full']]);
    pool.update([aMember({ concurrencyLimit: 1 })]);
    admission.serveQueue();
    expect(answers.at(-1)).toEqual(['one', 'a']);
  });

  it('has as many more places for those that wait for a waking as they may wait longer', () => {
    const { enter, answers, pool, admission, clock } = setUp([aMember({ isAsleep: true })]);
    const { perSlot, holdMs, maxWaitMs } = DEFAULT_ADMISSION_LIMITS;
    const places = (perSlot * holdMs) / maxWaitMs;
    for (let nth = 0; nth < places; nth += 1) enter('held');
    enter('late');
    expect(answers).toEqual([['late', 'full']]);
    clock.pass(holdMs / 2);
    pool.update([aMember({})]);
    admission.serveQueue();
    expect(answers.at(-1)).toEqual(['held', 'a']);
    expect(admission.queued).toBe(places - 1);
  });

  it.each([
    ['sleeps when their time would be up', 0.5, 5],
    ['slept only for a part of it', 0.5, 0.75],
  ])('holds requests for a worker that falls asleep while they wait: it %s', (_, asleepAt, awakeAt) => {
    const { enter, answers, pool, admission, clock } = setUp([aMember({})]);
    const { maxWaitMs, holdMs } = DEFAULT_ADMISSION_LIMITS;
    enter('running');
    enter('waiting');
    enter('with a deadline', { deadlineMs: 2 * maxWaitMs });
    clock.pass(asleepAt * maxWaitMs);
    pool.update([aMember({ isAsleep: true })]);
    admission.serveQueue();
    clock.pass((awakeAt - asleepAt) * maxWaitMs);
    // It is awake, and still has no free slot.
    pool.update([aMember({})]);
    admission.serveQueue();
    clock.pass(holdMs - awakeAt * maxWaitMs - 1);
    expect(answers.slice(1)).toEqual([['with a deadline', 'waited']]);
    clock.pass(1);
    expect(answers.at(-1)).toEqual(['waiting', 'waited']);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer running when the queue is empty', () => {
    const { clock, enter, releaseOne } = setUp([aMember({ concurrencyLimit: 1 })]);
    enter('running');
    enter('waiting');
    releaseOne();
    expect(clock.pending).toBe(0);
  });
});
