import type { TenantRequests } from '../../registry/live/worker-activity.js';
import { limitTenants } from './limit-tenants.js';
import { evenShare, nextSlots, type Slots, type SlotView } from './next-slots.js';
import {
  fairDemands,
  type RunningElsewhere,
  runningOf,
  type TenantDemand,
  type TenantDemands,
} from './tenant-demand.js';

/** What a replica writes for the others. */
export interface DemandRow {
  /** Slots that its requests could use, by tenant: a mean that fades. */
  readonly tenants: TenantDemands;
  /** Requests wait there. */
  readonly waits: boolean;
  /** The more of what may run and what runs. */
  readonly held: Slots;
}

/** The requests of a model at this replica. */
export interface SlotLoad {
  readonly inFlight: Slots;
  readonly waiting: number;
  /** Whose they are; together as many as run and wait. */
  readonly tenants: readonly TenantRequests[];
}

/** A model while its lock is held. */
export interface LockedModel {
  readonly workers: SlotView['workers'];
  /** The other replicas that take new requests; `null`: no row. */
  readonly others: ReadonlyMap<string, DemandRow | null>;
}

/** How long the replicas exchange after a request last waited. */
const CALM_MS = 10_000;
/** Simulated: 250 ms while slots move costs twice the transactions and changes no figure by more than 0.2 points. */
const EXCHANGE_MS = 1_000;
/** ± share of every pause, so that replicas do not run in step. */
const JITTER = 0.2;
/** A mean that has faded to less is gone. */
const LEAST = 0.01;
const NONE: TenantDemands = new Map();
/** Simulated with all callers at the next replica each minute: 1.1 % refused, with 3 s 2.3 %, with 10 s 7 %. */
const FADE_MS = 1_000;

/**
 * The slots of one model that this replica may use, once it takes part in the exchange. Decides and remembers. The caller holds the
 * model's lock in the database from `decide` to the commit, so that one replica decides at a time.
 */
export class ModelSlots {
  /** The requests of tenants that ran at the other replicas at the last exchange. */
  elsewhere: ReadonlyMap<string, RunningElsewhere> = new Map();
  private mayUse: Slots = new Map();
  private promised: Slots | null = null;
  /** What the row in the database says of each worker, or one that was written since: then no more than that runs. */
  private held: Slots = new Map();
  private nextHeld: Slots = new Map();
  private demand: TenantDemands | null = null;
  private decidedMs = -Infinity;
  private contendedUntilMs = -Infinity;

  constructor(private readonly replicaId: string) {}

  /** Requests that may run on the worker: without a row in the database, no more than the even share of the replicas of now. */
  limitOf(workerId: string, even: number): number {
    const limit = this.mayUse.get(workerId) ?? even;
    return this.held.has(workerId) ? limit : Math.min(limit, even);
  }

  /** The other replicas have all slots. */
  get hasNone(): boolean {
    return this.mayUse.size > 0 && total(this.mayUse) === 0;
  }

  /** Requests of the model wait, here or at another replica; by the clock of `nowMs`. */
  contend(nowMs: number): void {
    this.contendedUntilMs = nowMs + CALM_MS;
  }

  /** Milliseconds to the next exchange; `null`: none is needed. @param random uniform in [0, 1) */
  pauseMs(nowMs: number, random: number): number | null {
    return nowMs < this.contendedUntilMs ? EXCHANGE_MS * (1 + JITTER * (2 * random - 1)) : null;
  }

  /** Whether the others can read in this replica's row that so many run on the worker. */
  covers(workerId: string, inFlight: number): boolean {
    return inFlight <= (this.held.get(workerId) ?? -1);
  }

  /** More requests run on the worker than may: one that ends frees a slot for another replica. */
  isOver(workerId: string, inFlight: number): boolean {
    const limit = this.mayUse.get(workerId);
    return limit !== undefined && inFlight > limit;
  }

  /**
   * What this replica writes. What it gives up may not be used from now on; what it gets, only after `confirm`. Without `confirm`
   * the commit may have failed or not: then the less of both holds.
   * @param mayGrow false for a moment after the database was away: rows may be missing
   */
  decide(model: LockedModel, load: SlotLoad, mayGrow: boolean, nowMs: number): DemandRow {
    this.demand = this.demandOf(load, nowMs);
    // As the others read it, so that all divide by the same.
    const tenants = limitTenants(this.demand);
    const { workers } = model;
    const others = [...model.others];
    const wanted = new Map(others.map(([replicaId, row]) => [replicaId, row?.tenants ?? NONE] as const));
    this.elsewhere = runningOf(wanted.values());
    const slots = workers.reduce((sum, { cap, isUsable }) => sum + (isUsable ? cap : 0), 0);
    const next = nextSlots(
      {
        workers,
        others: others.map(([, row]) => row?.held ?? null),
        demands: fairDemands(slots, wanted.set(this.replicaId, tenants)),
      },
      { replicaId: this.replicaId, mayUse: this.mayUse, inFlight: load.inFlight, mayGrow },
    );
    const usedNow = (id: string, cap: number): number =>
      this.mayUse.get(id) ?? evenShare(cap, others.length + 1);
    this.mayUse = new Map(workers.map(({ id, cap }) => [id, Math.min(next.get(id) ?? 0, usedNow(id, cap))]));
    this.promised = next;
    this.decidedMs = nowMs;
    this.nextHeld = new Map([...next].map(([id, its]) => [id, Math.max(its, load.inFlight.get(id) ?? 0)]));
    return { tenants, waits: load.waiting > 0, held: this.nextHeld };
  }

  /** The row is in the database. */
  confirm(): void {
    if (this.promised === null) return;
    this.mayUse = this.promised;
    this.promised = null;
    this.held = this.nextHeld;
  }

  private demandOf({ inFlight, waiting, tenants }: SlotLoad, nowMs: number): TenantDemands {
    // Slots that the waiting requests cannot use, as on a worker that failed them, do not count against what they need.
    const unused = waiting > 0 ? Math.max(0, total(this.mayUse) - total(inFlight)) / waiting : 0;
    const before = this.demand;
    const fresh = before === null ? 1 : 1 - Math.exp(-(nowMs - this.decidedMs) / FADE_MS);
    const now = new Map(tenants.map((its) => [its.name, its]));
    const next = new Map<string, TenantDemand>();
    for (const name of new Set([...now.keys(), ...(before?.keys() ?? [])])) {
      const was = before?.get(name);
      const its = now.get(name);
      const { running = 0, runningBulk = 0 } = its ?? {};
      const faded = (wasSlots = 0, slots: number): number => wasSlots + (slots - wasSlots) * fresh;
      const live = faded(was?.live, running + (1 + unused) * (its?.waiting ?? 0));
      const bulk = faded(was?.bulk, runningBulk + (1 + unused) * (its?.waitingBulk ?? 0));
      const weight = its?.weight ?? was?.weight ?? 1;
      if (live + bulk >= LEAST) next.set(name, { weight, live, bulk, running, runningBulk });
    }
    return next;
  }
}

function total(slots: Slots): number {
  let sum = 0;
  for (const count of slots.values()) sum += count;
  return sum;
}
