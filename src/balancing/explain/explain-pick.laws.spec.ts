import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/seeded-random.js';
import type { Strategy } from '../../config/balancing-settings.js';
import { DEFAULT_ADMISSION_LIMITS, DEFAULT_STATS_LIMITS } from '../../config/tuning.js';
import type { Health, Worker } from '../../registry/worker.js';
import { Admission } from '../admission/admission.js';
import type { Clock } from '../admission/clock.js';
import { POLICIES } from '../policies/strategies.js';
import type { PoolMember } from '../pool/pooled-worker.js';
import type { AcquiredWorker } from '../pool/acquired-worker.js';
import { WorkerPool } from '../pool/worker-pool.js';
import type { RequestResult } from '../request-result.js';
import { type ExplainedPick, explainPick, type PickQuestion } from './explain-pick.js';
import { whyNot } from './why-not.js';

const IDS = ['w0', 'w1', 'w2', 'w3', 'w4'];

/** A model on one replica, in a time that the test sets. */
class Played {
  nowMs = 0;
  readonly admission: Admission;
  private readonly running: AcquiredWorker[] = [];

  constructor(
    readonly strategy: Strategy,
    members: readonly PoolMember[],
    seed: number,
  ) {
    const clock: Clock = { nowMs: () => this.nowMs, after: () => () => undefined };
    const pool = new WorkerPool(POLICIES[strategy], DEFAULT_STATS_LIMITS, seededRandom(seed));
    pool.update(members);
    this.admission = new Admission(pool, clock, DEFAULT_ADMISSION_LIMITS);
  }

  /** @returns the id of the worker, or `none` */
  start(tried: readonly string[], key: string): string {
    const acquired = this.admission.acquireNow(this.nowMs, new Set(tried), () => key);
    if (acquired !== null) this.running.push(acquired);
    return acquired?.worker.id ?? 'none';
  }

  end(which: number, result: RequestResult): void {
    const [acquired] = this.running.splice(which % Math.max(1, this.running.length), 1);
    if (acquired === undefined) return;
    this.admission.release(acquired, result);
    this.admission.settle([{ workerId: acquired.worker.id, kind: result.kind, acquired }]);
  }

  explain(about: Partial<PickQuestion> = {}): ExplainedPick {
    const question: PickQuestion = {
      priority: 'default',
      affinityKey: () => '',
      excluded: new Map(),
      unfit: new Map(),
      ...about,
    };
    return explainPick(this, question, this.nowMs, (pooled, around) =>
      whyNot(pooled, workerOf(pooled.member), new Date(0), around),
    );
  }
}

function workerOf({ isEnabled, health }: PoolMember): Worker {
  const adminState = isEnabled ? 'enabled' : 'disabled';
  const worker = { adminState, adminStateSinceMs: 0, health, healthReason: 'connection refused', call: {} };
  return worker as unknown as Worker;
}

const aMember = (about: Partial<PoolMember> & { readonly id: string }): PoolMember => ({
  weight: 1,
  priority: 0,
  concurrencyLimit: 2,
  isEnabled: true,
  health: 'healthy',
  generation: 1,
  ...about,
});
const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
const members = fc
  .array(
    fc.record({
      weight: fc.integer({ min: 1, max: 4 }),
      priority: mostly(0, fc.constant(1)),
      concurrencyLimit: mostly(8, fc.nat({ max: 2 })),
      isEnabled: mostly(true, fc.constant(false)),
      health: mostly<Health>('healthy', fc.constantFrom('unknown', 'suspect', 'unhealthy', 'warming')),
    }),
    { minLength: 1, maxLength: IDS.length },
  )
  .map((list) => list.map((about, index) => aMember({ ...about, id: `w${index}` })));
const someIds = fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.subarray(IDS));
const key = fc.constantFrom('', 'one', 'two', 'three');
const served: RequestResult = { kind: 'success', durationMs: 100, units: 10 };
const aResult = fc.constantFrom<RequestResult>(
  served,
  served,
  { kind: 'connect_error' },
  { kind: 'failure' },
  { kind: 'throttled', retryAfterMs: 150 },
  { kind: 'timeout' },
);
const anEvent = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant('start' as const), tried: someIds, key }) },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('end' as const), which: fc.nat(), result: aResult }),
  },
  // Shorter than what is kept of the workers' states, and longer than an ejection.
  { weight: 3, arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.nat({ max: 120 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.nat({ max: 15_000 }) }) },
);
const explains = fc.array(fc.record({ tried: someIds, unfit: someIds, key }), { maxLength: 1 });
const story = fc.array(fc.tuple(anEvent, explains), { maxLength: 40, size: '+1' });
type Story = typeof story extends fc.Arbitrary<infer Events> ? Events : never;
const mapOf = (ids: readonly string[]): ReadonlyMap<string, string> => new Map(ids.map((id) => [id, 'no']));

/** @returns the picks */
function play(model: Played, events: Story, isExplained: boolean): string[] {
  return events.flatMap(([event, questions]) => {
    if (isExplained)
      for (const { tried, unfit, key: its } of questions)
        model.explain({ excluded: mapOf(tried), unfit: mapOf(unfit), affinityKey: () => its });
    if (event.does === 'start') return [model.start(event.tried, event.key)];
    if (event.does === 'end') model.end(event.which, event.result);
    else model.nowMs += event.ms;
    return [];
  });
}

/** What is wrong with an explanation. */
function faultsOf({ outcome, picked, candidates }: ExplainedPick, left: readonly string[]): string[] {
  const sum = candidates.reduce((all, { chance }) => all + (chance ?? NaN), 0);
  const faults = {
    'starts at none': (outcome === 'starts') !== (picked !== null),
    'starts at a worker that is left out': picked !== null && left.includes(picked.id),
    'the picked one is not the first': picked !== null && candidates[0]?.pooled !== picked,
    'the chances are no whole': Math.abs(sum - (outcome === 'starts' ? 1 : 0)) > 1e-9,
    'a chance without a way': candidates.some(({ chance, whyNot: why }) => chance !== 0 && why !== null),
    'an empty reason': candidates.some(({ whyNot: why }) => why === ''),
    'one that is left out has no reason': candidates.some(
      ({ pooled, whyNot: why }) => left.includes(pooled.id) && why === null,
    ),
  };
  return Object.entries(faults).flatMap(([fault, isSo]) => (isSo ? [fault] : []));
}

/** What the next request may get. @param isCertain the strategy leaves nothing to chance */
function possible({ outcome, picked, candidates }: ExplainedPick, isCertain: boolean): unknown[] {
  if (outcome !== 'starts') return ['none'];
  if (isCertain) return [picked?.id];
  return candidates.filter(({ whyNot: why }) => why === null).map(({ pooled }) => pooled.id);
}

const isSure = (strategy: Strategy, its: string): boolean =>
  strategy === 'round_robin' ||
  (its !== '' && (strategy === 'prefix_affinity' || strategy === 'consistent_hash'));

describe.each(Object.keys(POLICIES) as Strategy[])('an explanation under %s', (strategy) => {
  it('changes no later pick, however often it is made', () => {
    fc.assert(
      fc.property(members, story, fc.nat(), (list, events, seed) => {
        const plain = play(new Played(strategy, list, seed), events, false);
        expect(play(new Played(strategy, list, seed), events, true)).toEqual(plain);
      }),
      { numRuns: 40 },
    );
  });

  it('says what the next request gets', () => {
    fc.assert(
      fc.property(members, story, someIds, key, fc.nat(), (list, events, tried, its, seed) => {
        const model = new Played(strategy, list, seed);
        play(model, events, false);
        const explained = model.explain({ excluded: mapOf(tried), affinityKey: () => its });
        expect(faultsOf(explained, tried)).toEqual([]);
        const got = model.start(tried, its);
        expect(possible(explained, isSure(strategy, its))).toContain(got);
      }),
      { numRuns: 40 },
    );
  });

  it('starts a request at no worker that cannot serve it', () => {
    fc.assert(
      fc.property(members, story, someIds, fc.nat(), (list, events, unfit, seed) => {
        const model = new Played(strategy, list, seed);
        play(model, events, false);
        expect(faultsOf(model.explain({ unfit: mapOf(unfit) }), unfit)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});

describe('an explanation', () => {
  const at = (model: Played, id: string) =>
    model.explain().candidates.find(({ pooled }) => pooled.id === id)?.whyNot;
  const ISO = /\d{4}-\d\d-\d\dT[\d:.]+Z/;

  it('names what keeps each worker from being picked', () => {
    const model = new Played(
      'least_load',
      [
        aMember({ id: 'free' }),
        aMember({ id: 'off', isEnabled: false }),
        aMember({ id: 'down', health: 'unhealthy' }),
        aMember({ id: 'odd', health: 'suspect' }),
        aMember({ id: 'later', priority: 3 }),
        aMember({ id: 'none', concurrencyLimit: 0 }),
      ],
      1,
    );
    expect(at(model, 'free')).toBeNull();
    expect(at(model, 'off')).toBe('disabled since 1970-01-01T00:00:00.000Z');
    expect(at(model, 'down')).toBe('unhealthy since 1970-01-01T00:00:00.000Z: connection refused');
    expect(at(model, 'odd')).toBe('suspect: used when no other worker can take a request');
    expect(at(model, 'later')).toBe('priority 3: used when no worker of priority 0 can take a request');
    expect(at(model, 'none')).toMatch(/^this replica has no slot of it now/);
  });

  it('names what requests here have shown of a worker', () => {
    const model = new Played('round_robin', [aMember({ id: 'a' }), aMember({ id: 'b' })], 1);
    expect(model.start([], '')).toBe('a');
    model.end(0, { kind: 'throttled', retryAfterMs: 5000 });
    expect(at(model, 'a')).toMatch(/^throttled until /);
    expect(at(model, 'a')).toMatch(ISO);
    model.nowMs = 6000;
    for (let i = 0; i < 2; i++) {
      model.start(['b'], '');
      model.end(0, { kind: 'connect_error' });
    }
    expect(at(model, 'a')).toMatch(/^ejected by this replica until .*: it could not be reached$/);
    expect([model.start([], ''), model.start([], '')]).toEqual(['b', 'b']);
    expect(model.explain()).toMatchObject({ outcome: 'waits', picked: null });
    expect(at(model, 'b')).toBe('no free slot on this replica: 2 of 2 in use');
    model.nowMs += 60_000;
    expect(model.explain().picked?.id).toBe('a');
    expect(at(model, 'b')).toBe('no free slot on this replica: 2 of 2 in use');
    model.end(0, served);
    expect(at(model, 'b')).toBe('the request tries out a worker that was ejected');
    expect(model.start([], '')).toBe('a');
    expect(at(model, 'a')).toMatch(/^ejected by this replica, and a request tries it out/);
  });

  it('does not make the states older that the next pick goes by', () => {
    const list = [aMember({ id: 'first' }), aMember({ id: 'second', priority: 1 })];
    const model = new Played('round_robin', list, 1);
    model.start([], '');
    model.end(0, { kind: 'throttled', retryAfterMs: 350 });
    model.nowMs = 200;
    expect(model.start([], '')).toBe('second');
    model.nowMs = 310;
    expect(model.explain().picked?.id).toBe('second');
    model.nowMs = 380;
    expect(model.start([], '')).toBe('first');
  });

  it('shows the order of a conversation, and costs without one', () => {
    const list = ['a', 'b', 'c'].map((id) => aMember({ id }));
    const byNumber = (one: number | null, other: number | null) => Number(one) - Number(other);
    const model = new Played('prefix_affinity', list, 1);
    const { picked, candidates } = model.explain({ affinityKey: () => 'talk' });
    expect(candidates.map(({ place }) => place).toSorted(byNumber)).toEqual([1, 2, 3]);
    expect(candidates.find(({ place }) => place === 1)?.pooled).toBe(picked);
    expect(candidates.map(({ cost }) => cost)).toEqual([null, null, null]);
    expect(model.explain().candidates.map(({ cost, place }) => [cost, place])).toEqual([
      [1, null],
      [1, null],
      [1, null],
    ]);
  });

  it('gives no chances of more workers than can be drawn, unless the pick is certain', () => {
    const many = Array.from({ length: 65 }, (_, index) => aMember({ id: `w${index}` }));
    const { candidates, picked } = new Played('least_load', many, 1).explain();
    expect(picked).not.toBeNull();
    expect(new Set(candidates.map(({ chance }) => chance))).toEqual(new Set([null]));
    const one = many.map((member, index) => ({ ...member, isEnabled: index === 7 }));
    const lone = new Played('least_load', one, 1).explain();
    expect([lone.picked?.id, lone.candidates[0]?.chance]).toEqual(['w7', 1]);
  });

  it('lets bulk wait where it must leave slots free', () => {
    const model = new Played('least_load', [aMember({ id: 'a', concurrencyLimit: 40 })], 1);
    for (let i = 0; i < 38; i++) model.start([], '');
    expect(model.explain({ priority: 'bulk' })).toMatchObject({
      outcome: 'waits',
      picked: null,
      waitsFor: 'bulk leaves slots free while other requests come',
    });
    expect(model.explain()).toMatchObject({ outcome: 'starts', waitsFor: null });
  });
});
