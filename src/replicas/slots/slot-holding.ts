import { planSlots, type SlotPlan } from './plan-slots.js';
import type { LeasedSlot, Slot } from './slot-table.js';

interface Lease {
  /** By the clock of `performance.now()`. */
  readonly untilMs: number;
  readonly sinceMs: number;
}

/** How many requests of this replica run on a worker, and how many run or wait. */
export interface Demand {
  readonly inFlight: number;
  readonly wanted: number;
}

/** The slots of one worker that this replica holds. */
export class SlotHolding {
  /** `null`: slots must be leased. Otherwise the time after which they no longer need a lease. */
  releaseAllAtMs: number | null = null;
  /** When this replica last requested a slot; `null`: it has no request in the table. */
  requestedMs: number | null = null;
  /** A slot may have been handed over since the last look. */
  mayHaveMore = false;
  /** What runs was leased, as far as there were free slots. */
  isLeased = false;
  /** All replicas have known once that the slots must be leased. */
  isAgreed = false;
  private leases: ReadonlyMap<number, Lease> = new Map();
  private slotRequests = 0;
  private surplusSinceMs: number | null = null;
  private usableNow = 0;

  constructor(
    readonly workerId: string,
    public cap: number,
    readonly sinceMs: number,
    /** How many it may lease at once, before all replicas know that slots are leased. */
    readonly first: 0 | 1,
  ) {}

  /** Requests that may run on the worker, as of the last plan. */
  get usable(): number {
    return this.usableNow;
  }

  get held(): number {
    return this.leases.size;
  }

  /** A slot will be released once no request runs in it. */
  get isLeaving(): boolean {
    return this.usableNow < this.held;
  }

  /** Takes over what the table held at the time of the query. */
  update(mine: readonly LeasedSlot[], slotRequests: number, queriedAtMs: number): void {
    const before = this.leases;
    this.leases = new Map(
      mine.map(({ slot, leftMs }) => [
        slot,
        { untilMs: queriedAtMs + leftMs, sinceMs: before.get(slot)?.sinceMs ?? queriedAtMs },
      ]),
    );
    this.slotRequests = slotRequests;
    this.mayHaveMore = false;
  }

  add(slot: number, untilMs: number, nowMs: number): void {
    this.leases = new Map([...this.leases, [slot, { untilMs, sinceMs: nowMs }]]);
    this.usableNow = Math.max(this.usableNow, this.held);
  }

  /** Drops expired leases and plans with the rest. */
  plan({ inFlight, wanted }: Demand, nowMs: number): SlotPlan {
    this.leases = new Map([...this.leases].filter(([, { untilMs }]) => untilMs > nowMs));
    if (this.held <= Math.max(wanted, inFlight)) this.surplusSinceMs = null;
    else this.surplusSinceMs ??= nowMs;
    const plan = planSlots({
      cap: this.cap,
      heldForMs: [...this.leases.values()].map(({ sinceMs }) => nowMs - sinceMs),
      inFlight,
      wanted,
      slotRequests: this.slotRequests,
      surplusForMs: this.surplusSinceMs === null ? 0 : nowMs - this.surplusSinceMs,
    });
    this.usableNow = Math.min(plan.usable, this.cap);
    return plan;
  }

  /** Removes and returns some of its slots; those beyond a lowered cap go first. */
  remove(count: number): readonly Slot[] {
    const slots = [...this.leases.keys()].toSorted((one, other) => other - one).slice(0, count);
    this.leases = new Map([...this.leases].filter(([slot]) => !slots.includes(slot)));
    return slots.map((slot) => ({ workerId: this.workerId, slot }));
  }

  isToRenew(nowMs: number, withinMs: number): boolean {
    return [...this.leases.values()].some(({ untilMs }) => untilMs - nowMs < withinMs);
  }
}
