import type { Priority, Strategy } from '../../config/balancing-settings.js';
import type { Admission } from '../admission/admission.js';
import { mix } from '../policies/picking.js';
import type { Policy } from '../policies/policy.js';
import { placesInOrder } from '../policies/rendezvous.js';
import { POLICIES } from '../policies/strategies.js';
import type { PooledWorker } from '../pool/pooled-worker.js';
import type { Peek } from '../pool/acquired-worker.js';
import type { Surroundings } from './why-not.js';

/** A request, as far as its pick depends on it. */
export interface PickQuestion {
  readonly priority: Priority;
  readonly affinityKey: () => string;
  /** The workers that the request leaves out, and why. */
  readonly excluded: ReadonlyMap<string, string>;
  /** The workers that cannot serve it, which is known once they are picked, and why. */
  readonly unfit: ReadonlyMap<string, string>;
}

/** `starts`: a worker takes it now. `waits`: one may take it later. `fails`: waiting does not help. */
export type Outcome = 'starts' | 'waits' | 'fails';

export interface ExplainedPick {
  readonly strategy: Strategy;
  readonly outcome: Outcome;
  /** The likeliest worker; `null`: the request does not start. */
  readonly picked: PooledWorker | null;
  /** Why it waits although a worker is free; `null`: it does not. */
  readonly waitsFor: string | null;
  /** Requests that wait for the model on this replica. */
  readonly queued: number;
  /** The likeliest first, then the others in the order of the registry. */
  readonly candidates: readonly ExplainedCandidate[];
}

export interface ExplainedCandidate {
  readonly pooled: PooledWorker;
  /** What keeps it from being picked; `null`: nothing. */
  readonly whyNot: string | null;
  /** That it is picked when it is the request's turn, from 0 to 1; `null`: not known. */
  readonly chance: number | null;
  /** What the strategy compares, the lowest is picked; `null`: it compares no cost. */
  readonly cost: number | null;
  /** Its place in the order of the conversation, 1 is its home; `null`: the strategy has none. */
  readonly place: number | null;
}

/** Of so many workers chances are drawn. Of more each chance is small, and one draw must do. */
const MOST_FOR_CHANCES = 64;
/** A chance is right within 0.06: two standard deviations of 256 draws. */
const DRAWS = 256;

/**
 * Where a request would go now. It takes no place, counts nothing and changes nothing.
 * @param whyNot what keeps a worker from being picked that the request does not leave out
 */
export function explainPick(
  { admission, strategy }: { readonly admission: Admission; readonly strategy: Strategy },
  question: PickQuestion,
  nowMs: number,
  whyNot: (pooled: PooledWorker, around: Surroundings) => string | null,
): ExplainedPick {
  const { excluded, unfit } = question;
  const { workers, outcomes } = drawn(admission.workerPool, question, nowMs);
  const around = surroundingsOf(outcomes, nowMs);
  const counts = countsOf(outcomes);
  const costs = costsOf(strategy, question, workers);
  const candidates = workers.map((pooled) => ({
    pooled,
    whyNot: excluded.get(pooled.id) ?? unfit.get(pooled.id) ?? whyNot(pooled, around),
    chance:
      outcomes.length === 1 && around.compared.size > 1
        ? null
        : (counts.get(pooled.id) ?? 0) / outcomes.length,
    ...costs(pooled),
  }));
  const likeliest = (id: string): number => counts.get(id) ?? 0;
  const sorted = candidates.toSorted(
    (one, other) =>
      likeliest(other.pooled.id) - likeliest(one.pooled.id) ||
      Number(one.whyNot !== null) - Number(other.whyNot !== null),
  );
  const waitsFor = counts.size === 0 ? null : waitOf(admission, question.priority, nowMs);
  const starts = counts.size > 0 && waitsFor === null;
  const isFull = outcomes.some((outcome) => 'why' in outcome && outcome.why === 'full');
  return {
    strategy,
    outcome: starts ? 'starts' : isFull || waitsFor !== null ? 'waits' : 'fails',
    picked: starts ? (sorted[0]?.pooled ?? null) : null,
    waitsFor,
    queued: admission.queued,
    candidates: sorted,
  };
}

type Outcomes = Peek['outcomes'];

/** As the retry loop has it: once a worker that cannot serve the request was picked, all such workers are left out. */
function drawn(
  pool: Admission['workerPool'],
  { excluded, unfit, affinityKey }: PickQuestion,
  nowMs: number,
): Peek {
  const draws = pool.all.length <= MOST_FOR_CHANCES ? DRAWS : 1;
  const peek = (...tried: Iterable<string>[]): Peek =>
    pool.peek(nowMs, new Set(tried.flatMap((ids) => [...ids])), affinityKey, sequence(), draws);
  const first = peek(excluded.keys());
  const isUnfit = (outcome: Outcomes[number]): boolean => 'worker' in outcome && unfit.has(outcome.worker.id);
  if (!first.outcomes.some(isUnfit)) return first;
  const { workers, outcomes: next } = peek(excluded.keys(), unfit.keys());
  const outcomes = first.outcomes.map((outcome, at) => (isUnfit(outcome) ? (next[at] ?? outcome) : outcome));
  return { workers, outcomes };
}

/** The same numbers each time: the same state is explained in the same way. [SplitMix] */
function sequence(): () => number {
  let state = 0;
  return () => mix((state = (state + 0x9e3779b9) >>> 0)) / 2 ** 32;
}

function countsOf(outcomes: Outcomes): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const outcome of outcomes)
    if ('worker' in outcome) counts.set(outcome.worker.id, (counts.get(outcome.worker.id) ?? 0) + 1);
  return counts;
}

function surroundingsOf(outcomes: Outcomes, nowMs: number): Surroundings {
  const compared = outcomes.flatMap((outcome) => ('worker' in outcome ? [...outcome.among] : []));
  return {
    compared: new Set(compared.map(({ id }) => id)),
    tier: compared.length === 0 ? null : Math.min(...compared.map(({ member }) => member.priority)),
    isTrial: outcomes.some((outcome) => 'worker' in outcome && !outcome.worker.isInRotation),
    nowMs,
  };
}

/** What the strategy compares of a worker. */
function costsOf(
  strategy: Strategy,
  { affinityKey }: PickQuestion,
  workers: readonly PooledWorker[],
): (pooled: PooledWorker) => Pick<ExplainedCandidate, 'cost' | 'place'> {
  const { usesKey, cost }: Policy<unknown> = POLICIES[strategy];
  const key = usesKey === true ? affinityKey() : '';
  if (key === '') return (pooled) => ({ cost: cost?.(pooled) ?? null, place: null });
  const inRotation = workers.filter(({ isAvailable }) => isAvailable);
  const places = placesInOrder(inRotation, key);
  return ({ id }) => ({ cost: null, place: places.get(id) ?? null });
}

/** Why a request that a worker could take waits all the same; `null`: it does not. As `Admission.enter` decides. */
function waitOf(admission: Admission, priority: Priority, nowMs: number): string | null {
  const before = priority === 'bulk' ? admission.queued : admission.queues.live;
  if (before > 0) return `${before} requests wait before it`;
  if (priority !== 'bulk' || admission.mayStartBulk(nowMs)) return null;
  return 'bulk leaves slots free while other requests come';
}
