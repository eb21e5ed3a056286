import { apportion, type ReplicaDemand, splitSlots } from './split-slots.js';

/** Worker id → slots. */
export type Slots = ReadonlyMap<string, number>;

/** A worker whose slots are divided among the replicas. */
export interface SharedWorker {
  readonly id: string;
  /** Requests that may run there, less those at replicas that take no new ones. */
  readonly cap: number;
  /** The registry lets it be used: its slots count in the division. */
  readonly isUsable: boolean;
}

/** A model as its rows show it to one replica, which holds the model's lock. */
export interface SlotView {
  readonly workers: readonly SharedWorker[];
  /** Of the other replicas that take new requests: what each holds. `null`: it has no row, and uses its even share. */
  readonly others: readonly (Slots | null)[];
  /** Of all replicas that take new requests, this one included. */
  readonly demands: readonly ReplicaDemand[];
}

/** What this replica has of the model. */
export interface OwnSlots {
  readonly replicaId: string;
  /** Requests that may run; without an entry: the even share. */
  readonly mayUse: Slots;
  readonly inFlight: Slots;
  /** False after the database was away, until every live replica could report. */
  readonly mayGrow: boolean;
}

/** What a replica may use that has no row: as many for each, so that the sum stays within the limit when replicas join or leave. */
export function evenShare(cap: number, replicas: number): number {
  return Math.floor(cap / Math.max(1, replicas));
}

/**
 * How many requests may run on each worker from now on: towards this replica's part of the model's slots, and never more than the
 * others leave. While a replica has no row for a worker, none uses more of it than the even share: that replica may use as much.
 */
export function nextSlots(view: SlotView, own: OwnSlots): Slots {
  const replicas = view.others.length + 1;
  const each = view.workers.map(({ id, cap, isUsable }) => {
    const even = evenShare(cap, replicas);
    const held = sum(view.others.map((its) => its?.get(id) ?? even));
    const isComplete = view.others.every((its) => its?.has(id) === true);
    const free = Math.max(0, cap - held);
    const now = Math.min(own.mayUse.get(id) ?? even, free);
    return { id, cap, even, free, now, isMovable: isComplete && isUsable, isComplete };
  });
  const next = new Map(
    each.map(({ id, even, free, now, isComplete }) => [
      id,
      isComplete ? now : Math.min(own.mayGrow ? free : now, even),
    ]),
  );
  const movable = each.filter(({ isMovable }) => isMovable);
  const slots = sum(movable.map(({ cap }) => cap));
  const part = splitSlots(slots, view.demands).get(own.replicaId) ?? 0;
  const held = sum(movable.map(({ now }) => now));
  if (held > part) {
    // Slots in which no request runs leave first: another replica can use them at once.
    const idle = movable.map(({ id, now }) => Math.max(0, now - (own.inFlight.get(id) ?? 0)));
    const unused = apportion(Math.min(held - part, sum(idle)), idle);
    const left = movable.map(({ now }, at) => now - (unused[at] ?? 0));
    const busy = apportion(sum(left) - part, left);
    for (const [at, { id }] of movable.entries()) next.set(id, (left[at] ?? 0) - (busy[at] ?? 0));
  } else if (held < part && own.mayGrow) {
    const room = movable.map(({ free, now }) => free - now);
    const more = apportion(Math.min(part - held, sum(room)), room);
    for (const [at, { id, now }] of movable.entries()) next.set(id, now + (more[at] ?? 0));
  }
  return next;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
