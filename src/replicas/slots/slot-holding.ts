import { planSlots, type SlotPlan } from './plan-slots.js';
import type { LeasedSlot, Slot } from './slot-table.js';

interface Lease {
  /** By the clock of `performance.now()`. */
  readonly untilMs: number;
  readonly sinceMs: number;
}

/** How many requests of this replica run on a worker, and how many would. */
export interface Demand {
  readonly inFlight: number;
  readonly wanted: number;
}

/** The slots of one worker that this replica holds. */
export class SlotHolding {
  /** `null`: its slots have to be leased; else they need not be any more, after that. */
  releaseAllAtMs: number | null = null;
  /** `null`: no wish of ours stands in the table. */
  requestedMs: number | null = null;
  private leases: ReadonlyMap<number, Lease> = new Map();
  private slotRequests = 0;
  private surplusSinceMs: number | null = null;
  private usableNow = 0;

  constructor(
    readonly workerId: string,
    public cap: number,
    readonly sinceMs: number,
  ) {}

  /** Requests that may run there, as of the last plan. */
  get usable(): number {
    return this.usableNow;
  }

  get held(): number {
    return this.leases.size;
  }

  /** It will give a slot away once nothing runs in it. */
  get isLeaving(): boolean {
    return this.usableNow < this.held;
  }

  /** What the table said when it was asked. */
  update(mine: readonly LeasedSlot[], wishes: number, askedAtMs: number): void {
    const before = this.leases;
    this.leases = new Map(
      mine.map(({ slot, leftMs }) => [
        slot,
        { untilMs: askedAtMs + leftMs, sinceMs: before.get(slot)?.sinceMs ?? askedAtMs },
      ]),
    );
    this.slotRequests = wishes;
  }

  add(slot: number, untilMs: number, nowMs: number): void {
    this.leases = new Map([...this.leases, [slot, { untilMs, sinceMs: nowMs }]]);
    this.usableNow = Math.max(this.usableNow, this.held);
  }

  /** Leases that have run out are not held any more. */
  plan({ inFlight, wanted }: Demand, nowMs: number): SlotPlan {
    this.leases = new Map([...this.leases].filter(([, { untilMs }]) => untilMs > nowMs));
    if (this.held <= Math.max(wanted, inFlight)) this.surplusSinceMs = null;
    else this.surplusSinceMs ??= nowMs;
    const plan = planSlots({
      cap: this.cap,
      heldForMs: [...this.leases.values()].map(({ sinceMs }) => nowMs - sinceMs),
      inFlight,
      wanted,
      wishes: this.slotRequests,
      surplusForMs: this.surplusSinceMs === null ? 0 : nowMs - this.surplusSinceMs,
    });
    this.usableNow = Math.min(plan.usable, this.cap);
    return plan;
  }

  /** Some of its slots, which it holds no longer: those first that are beyond a cap that was lowered. */
  remove(count: number): readonly Slot[] {
    const slots = [...this.leases.keys()].toSorted((one, other) => other - one).slice(0, count);
    this.leases = new Map([...this.leases].filter(([slot]) => !slots.includes(slot)));
    return slots.map((slot) => ({ workerId: this.workerId, slot }));
  }

  isToRenew(nowMs: number, withinMs: number): boolean {
    return [...this.leases.values()].some(({ untilMs }) => untilMs - nowMs < withinMs);
  }
}
