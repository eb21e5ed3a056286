import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import { POLICIES } from '../policies/strategies.js';
import { DEFAULT_STATS_LIMITS } from '../pool/stats-limits.js';
import { type AcquiredWorker, WorkerPool } from '../pool/worker-pool.js';
import type { PoolMember } from '../pool/pooled-worker.js';
import { Admission, DEFAULT_ADMISSION_LIMITS, type Rejection } from './admission.js';
import type { Clock } from './admission.js';

/** Time that stands still until told. */
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
  cap: 1,
  isOpen: true,
  health: 'healthy',
  generation: 1,
  ...about,
});

function setUp(members: readonly PoolMember[]) {
  const clock = new HandClock();
  const roster = new WorkerPool(POLICIES.least_load, DEFAULT_STATS_LIMITS, seededRandom(3));
  roster.update(members, 0);
  const admission = new Admission(roster, clock, DEFAULT_ADMISSION_LIMITS);
  const answers: [string, string][] = [];
  const loans: AcquiredWorker[] = [];
  const enter = (name: string, about: { tried?: string[]; deadlineMs?: number } = {}) =>
    admission.enter(
      { tried: new Set(about.tried), deadlineMs: about.deadlineMs ?? Infinity },
      (result: AcquiredWorker | Rejection) => {
        if ('standing' in result) loans.push(result);
        answers.push([name, 'standing' in result ? result.standing.id : result.reason]);
      },
    );
  const giveBack = () => {
    const loan = loans.shift();
    if (loan !== undefined) admission.release(loan, { kind: 'success', durationMs: 1, units: 1 });
  };
  return { clock, admission, roster, answers, enter, giveBack };
}

describe('admission', () => {
  it('serves those that wait in the order in which they came', () => {
    const { answers, enter, giveBack } = setUp([aMember({ cap: 1 })]);
    for (const name of ['first', 'second', 'third']) enter(name);
    expect(answers).toEqual([['first', 'a']]);
    giveBack();
    giveBack();
    expect(answers.map(([name]) => name)).toEqual(['first', 'second', 'third']);
  });

  it('lets nobody pass those that wait, but a worker somebody has tried already goes to the next', () => {
    const { answers, enter, giveBack, admission } = setUp([aMember({ id: 'a' }), aMember({ id: 'b' })]);
    enter('one');
    enter('other');
    const [first] = answers[0]?.[1] ?? '';
    enter('retry', { tried: [first ?? ''] });
    enter('fresh');
    expect(admission.queued).toBe(2);
    giveBack();
    expect(answers.slice(2)).toEqual([['fresh', first]]);
    giveBack();
    expect(answers[3]?.[0]).toBe('retry');
  });

  it('turns away at once when none may be used', () => {
    const { answers, enter, admission } = setUp([aMember({ health: 'unhealthy' })]);
    enter('caller');
    expect(answers).toEqual([['caller', 'none']]);
    expect(admission.queued).toBe(0);
  });

  it('lets twice as many wait as can be served, and tells the rest when to come again', () => {
    const { clock, admission, enter, giveBack, answers } = setUp([aMember({ cap: 10 })]);
    for (let i = 0; i < 30; i++) enter(`${i}`);
    expect(admission.queued).toBe(20);
    enter('too many');
    expect(answers.at(-1)).toEqual(['too many', 'full']);
    // Ten are served a second: the 21st would have waited about two.
    clock.pass(1000);
    for (let i = 0; i < 10; i++) giveBack();
    for (let i = 0; i < 10; i++) enter(`later ${i}`);
    clock.pass(1000);
    for (let i = 0; i < 10; i++) giveBack();
    for (let i = 0; i < 10; i++) enter(`last ${i}`);
    let told = 0;
    admission.enter({ tried: new Set(), deadlineMs: Infinity }, (result) => {
      told = 'retryAfterS' in result ? result.retryAfterS : 0;
    });
    expect(told).toBe(11);
  });

  it('lets nobody wait longer than ten seconds, or than his deadline', () => {
    const { clock, enter, answers } = setUp([aMember({ cap: 2 })]);
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

  it('forgets a caller who hangs up', () => {
    const { clock, enter, giveBack, answers, admission } = setUp([aMember({ cap: 1 })]);
    enter('running');
    const leave = enter('gone');
    enter('next');
    leave();
    leave();
    giveBack();
    expect(answers.map(([name]) => name)).toEqual(['running', 'next']);
    clock.pass(20_000);
    expect(answers).toHaveLength(2);
    expect(admission.queued).toBe(0);
  });

  it('lets in those that wait when a worker joins, or when time alone brings one back', () => {
    const { clock, enter, answers, roster, admission } = setUp([aMember({ cap: 1 })]);
    enter('running');
    enter('waiting');
    roster.update([aMember({ cap: 1 }), aMember({ id: 'b', cap: 1 })], 0);
    admission.serveQueue();
    expect(answers.at(-1)).toEqual(['waiting', 'b']);
    enter('another');
    roster.update([aMember({ cap: 2 })], 0);
    clock.pass(100);
    expect(answers.at(-1)).toEqual(['another', 'a']);
  });

  it('tells those that wait when the last worker goes', () => {
    const { clock, enter, answers, roster } = setUp([aMember({ cap: 1 })]);
    enter('running');
    enter('waiting');
    roster.update([], 0);
    clock.pass(100);
    expect(answers.at(-1)).toEqual(['waiting', 'none']);
  });

  it('lets those wait who come while a lone worker is on trial, and tells them at once how it ended', () => {
    const { clock, enter, answers, roster, admission } = setUp([aMember({ cap: 5 })]);
    const fail = () => {
      const loan = roster.acquire(clock.nowMs());
      if ('standing' in loan) admission.release(loan, { kind: 'failure' });
    };
    for (let i = 0; i < 3; i++) fail();
    enter('too early');
    expect(answers.at(-1)).toEqual(['too early', 'none']);
    clock.pass(12_000);
    const trial = roster.acquire(clock.nowMs());
    enter('one');
    enter('other');
    expect(answers).toHaveLength(1);
    if ('standing' in trial) admission.release(trial, { kind: 'failure' });
    expect(answers.slice(1)).toEqual([
      ['one', 'none'],
      ['other', 'none'],
    ]);
  });

  it('leaves a place in the queue for a worker whose slot another replica has', () => {
    const { enter, answers, roster, admission } = setUp([aMember({ cap: 0 })]);
    for (const name of ['one', 'other', 'third']) enter(name);
    expect(answers).toEqual([['third', 'full']]);
    roster.update([aMember({ cap: 1 })], 0);
    admission.serveQueue();
    expect(answers.at(-1)).toEqual(['one', 'a']);
  });

  it('leaves no clock running when nobody waits', () => {
    const { clock, enter, giveBack } = setUp([aMember({ cap: 1 })]);
    enter('running');
    enter('waiting');
    giveBack();
    expect(clock.pending).toBe(0);
  });
});
