import { BULK_FLOOR, type Priority } from '../../config/balancing-settings.js';

/** A worker of the model that may be given jobs. */
export interface StartWorker {
  readonly id: string;
  readonly priority: number;
  readonly weight: number;
  /** Jobs it may be given now; 0: none. */
  readonly room: number;
  /** Jobs that it has. */
  readonly active: number;
  /** Used where no better one has room. */
  readonly isSuspect: boolean;
}

export interface WaitingJob {
  readonly id: string;
  readonly ownerKey: string;
  /** The team that the key acts for; '': its own. */
  readonly tenant: string;
  readonly priority: Priority;
  /** Workers that cannot express the request. */
  readonly unable: readonly string[];
  /** Workers that did not take it; others are tried first. */
  readonly tried: readonly string[];
}

export interface Start {
  readonly jobId: string;
  readonly workerId: string;
}

/** Which jobs take turns together: those of a key, for one team. An id holds no space. */
export function turnsOf({ ownerKey, tenant }: Pick<WaitingJob, 'ownerKey' | 'tenant'>): string {
  return tenant === '' ? ownerKey : `${ownerKey} ${tenant}`;
}

/**
 * Which waiting jobs of one model start now, and where. The turn is that of the key with the fewest jobs running, so that
 * no key, and no team that a key acts for, starves another; within them the order of `waiting` holds. Bulk of all keys goes after the other jobs, but for its floor: one
 * turn in twenty, by chance. A job goes to a worker that has not refused it, of the
 * lowest priority number, with the fewest jobs for its weight.
 * @param waiting interactive ones first, then default ones, then bulk; of each class the oldest first
 * @param activeOf jobs that run, by `turnsOf`
 */
export function planStarts(
  waiting: readonly WaitingJob[],
  workers: readonly StartWorker[],
  activeOf: ReadonlyMap<string, number>,
  most: number,
  random: () => number,
): readonly Start[] {
  const pool = workers.map((worker) => ({ ...worker }));
  const live = queuesOf(waiting.filter(({ priority }) => priority !== 'bulk'));
  const bulk = queuesOf(waiting.filter(({ priority }) => priority === 'bulk'));
  const active = new Map(activeOf);
  const starts: Start[] = [];
  while (starts.length < most && live.size + bulk.size > 0) {
    const isBulksTurn = live.size === 0 || (bulk.size > 0 && random() < BULK_FLOOR);
    const queues = isBulksTurn ? bulk : live;
    const key = fewest(active, queues);
    const queue = queues.get(key) ?? [];
    const found = firstStart(queue, pool);
    if (found === null) {
      // Room only shrinks: what cannot start now cannot start later in this plan.
      queues.delete(key);
      continue;
    }
    const { at, worker } = found;
    const [job] = queue.splice(at, 1);
    if (job === undefined) break;
    worker.room -= 1;
    worker.active += 1;
    active.set(key, (active.get(key) ?? 0) + 1);
    starts.push({ jobId: job.id, workerId: worker.id });
  }
  return starts;
}

/** The jobs that take turns together, in their order. */
function queuesOf(waiting: readonly WaitingJob[]): Map<string, WaitingJob[]> {
  const queues = new Map<string, WaitingJob[]>();
  for (const job of waiting) {
    const its = turnsOf(job);
    const queue = queues.get(its);
    if (queue === undefined) queues.set(its, [job]);
    else queue.push(job);
  }
  return queues;
}

type Place = { -readonly [Field in keyof StartWorker]: StartWorker[Field] };

/** Of several, the one whose first job goes before the others': the order of insertion. */
function fewest(active: ReadonlyMap<string, number>, queues: ReadonlyMap<string, unknown>): string {
  let best = '';
  let least = Infinity;
  for (const key of queues.keys()) {
    const count = active.get(key) ?? 0;
    if (count < least) [best, least] = [key, count];
  }
  return best;
}

function firstStart(
  queue: readonly WaitingJob[],
  pool: readonly Place[],
): { readonly at: number; readonly worker: Place } | null {
  for (const [at, job] of queue.entries()) {
    const worker = bestFor(job, pool);
    if (worker !== null) return { at, worker };
  }
  return null;
}

function bestFor({ unable, tried }: WaitingJob, pool: readonly Place[]): Place | null {
  let best: Place | null = null;
  for (const worker of pool) {
    if (worker.room <= 0 || unable.includes(worker.id)) continue;
    if (best === null || isBetter(worker, best, tried)) best = worker;
  }
  return best;
}

function isBetter(one: Place, other: Place, tried: readonly string[]): boolean {
  const rank = (worker: Place): readonly number[] => [
    tried.includes(worker.id) ? 1 : 0,
    worker.isSuspect ? 1 : 0,
    worker.priority,
    (worker.active + 1) / worker.weight,
  ];
  const [mine, theirs] = [rank(one), rank(other)];
  const at = mine.findIndex((value, index) => value !== theirs[index]);
  return at !== -1 && (mine[at] ?? 0) < (theirs[at] ?? 0);
}
