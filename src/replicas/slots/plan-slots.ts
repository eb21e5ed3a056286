/** How it stands with one worker whose slots are leased, on this replica. */
export interface SlotSituation {
  /** Of the whole cluster. */
  readonly cap: number;
  /** For how long it has had each slot it holds. */
  readonly heldForMs: readonly number[];
  readonly inFlight: number;
  /** Requests that run or wait here. */
  readonly wanted: number;
  /** Other replicas that have requests waiting and hold no slot. */
  readonly wishes: number;
  /** For how long it has held more than were wanted. */
  readonly surplusForMs: number;
}

export interface SlotPlan {
  /** Requests that may run there, those that do included. */
  readonly usable: number;
  /** Slots to give to others now: nothing runs in them. */
  readonly giveBack: number;
  /** Slots to take if they are free. */
  readonly take: number;
  /** Whether to ask the others for one, if none is free. */
  readonly requestSlot: boolean;
}

/** A slot is kept at least so long when it is wanted here, or replicas with short requests would do nothing but pass it on. */
const TURN_MS = 200;
/** One that is not wanted is kept for so long, if nobody else wants it. */
const SPARE_MS = 1_000;

/** Takes what is wanted and free; gives what others wish for, one request after the other; keeps nothing it does not need. */
export function planSlots(its: SlotSituation): SlotPlan {
  const held = its.heldForMs.length;
  const needed = Math.max(its.wanted, its.inFlight);
  const surplus = Math.max(0, held - needed);
  const leaving = its.wishes > 0 ? Math.min(its.wishes, leavingFor(its, surplus)) : idle(its, surplus);
  const usable = held - leaving;
  const mayTakeMore = its.wishes === 0 || held === 0;
  const take = leaving === 0 && mayTakeMore ? Math.max(0, Math.min(its.cap, its.wanted) - held) : 0;
  return {
    usable,
    giveBack: Math.max(0, Math.min(leaving, held - its.inFlight)),
    take,
    requestSlot: held === 0 && its.wanted > 0,
  };
}

/** Of several all but one, of one that one: its turn is over. */
function leavingFor({ heldForMs }: SlotSituation, surplus: number): number {
  const ripe = heldForMs.filter((ms) => ms >= TURN_MS).length;
  return Math.max(surplus, Math.min(ripe, Math.max(1, heldForMs.length - 1)));
}

function idle({ surplusForMs }: SlotSituation, surplus: number): number {
  return surplusForMs >= SPARE_MS ? surplus : 0;
}
