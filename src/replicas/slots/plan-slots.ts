/** One worker whose slots are leased, as this replica sees it. */
export interface SlotSituation {
  /** The worker's limit in the whole cluster. */
  readonly cap: number;
  /** How long this replica has held each of its slots. */
  readonly heldForMs: readonly number[];
  readonly inFlight: number;
  /** Requests that run or wait here. */
  readonly wanted: number;
  /** Other replicas that have requests waiting and hold no slot. */
  readonly slotRequests: number;
  /** How long this replica has held more slots than it needs. */
  readonly surplusForMs: number;
}

export interface SlotPlan {
  /** Requests that may run on the worker, running ones included. */
  readonly usable: number;
  /** Slots to release now: no request runs in them. */
  readonly release: number;
  /** Slots to take if they are free. */
  readonly take: number;
  /** Whether to request a slot from other replicas if none is free. */
  readonly requestSlot: boolean;
}

/** The least time a needed slot is kept; without it, replicas with short requests would only hand slots over. */
const TURN_MS = 200;
/** How long an unneeded slot is kept if no other replica requests one. */
const SPARE_MS = 1_000;

/** Takes free slots that are needed, hands requested ones over between two requests, and releases unneeded ones. */
export function planSlots(its: SlotSituation): SlotPlan {
  const held = its.heldForMs.length;
  const needed = Math.max(its.wanted, its.inFlight);
  const surplus = Math.max(0, held - needed);
  const leaving =
    its.slotRequests > 0 ? Math.min(its.slotRequests, leavingFor(its, surplus)) : idle(its, surplus);
  const usable = held - leaving;
  const mayTakeMore = its.slotRequests === 0 || held === 0;
  const take = leaving === 0 && mayTakeMore ? Math.max(0, Math.min(its.cap, its.wanted) - held) : 0;
  return {
    usable,
    release: Math.max(0, Math.min(leaving, held - its.inFlight)),
    take,
    requestSlot: held === 0 && its.wanted > 0,
  };
}

/** Of several ripe slots, all but one; a single ripe slot leaves too. */
function leavingFor({ heldForMs }: SlotSituation, surplus: number): number {
  const ripe = heldForMs.filter((ms) => ms >= TURN_MS).length;
  return Math.max(surplus, Math.min(ripe, Math.max(1, heldForMs.length - 1)));
}

function idle({ surplusForMs }: SlotSituation, surplus: number): number {
  return surplusForMs >= SPARE_MS ? surplus : 0;
}
