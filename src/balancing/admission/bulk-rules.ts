import { BULK_FLOOR } from '../../config/balancing-settings.js';

/** How often a request that is not bulk may find no slot while bulk runs. */
const RARE = 0.01;
/** A request is cut no more often, so that it ends some time. */
const MOST_CUTS = 2;
/** A request that ran for a larger share of the usual time is not cut: too much would be lost. */
const CUT_SHARE = 0.25;

/**
 * How many slots bulk leaves free for requests to come: as few as make a wait rare. Each start of a live request takes a free
 * slot and each end of any request gives one, so the chance that h slots are used up is about (starts ÷ ends)^h.
 * @param liveStarts starts of requests that are not bulk, in the same time as `ends`; 0: there is no such traffic
 * @param most it is never more
 */
export function headroom(liveStarts: number, ends: number, most: number): number {
  if (liveStarts === 0) return 0;
  if (liveStarts >= ends) return most;
  return Math.min(most, Math.ceil(Math.log(RARE) / Math.log(liveStarts / ends)));
}

/** The most slots that bulk leaves free. @param bulkShare 0.05 to 1 */
export function mostHeadroom(slots: number, bulkShare: number): number {
  // 1 - 0.9 is a little less than 0.1.
  return Math.floor((1 - bulkShare) * slots + 1e-9);
}

/** What bulk is owed of its floor, in milliseconds of one slot. */
export interface Floor {
  readonly creditMs: number;
  readonly atMs: number;
}

/** Credit for more than this time of waiting does not add up. */
const LONGEST_CREDIT_MS = 60_000;

/**
 * The credit after a time in which bulk waited: it grows by the floor's share of what runs, less what bulk already has there.
 * @param running requests on all slots, of all classes
 * @param bulkForFree those of bulk that were not started out of this credit
 * @param priceMs of one request: the credit may always grow to this
 */
export function accrued(
  { creditMs, atMs }: Floor,
  nowMs: number,
  running: number,
  bulkForFree: number,
  priceMs: number,
): Floor {
  const share = BULK_FLOOR * running;
  const more = Math.max(0, share - bulkForFree) * Math.max(0, nowMs - atMs);
  // What is owed already stays when less runs.
  const most = Math.max(creditMs, priceMs, share * LONGEST_CREDIT_MS);
  return { creditMs: Math.min(most, creditMs + more), atMs: nowMs };
}

/** A bulk request that runs, as far as cutting it depends on it. */
export interface Cuttable {
  readonly startedMs: number;
  /** It was started out of bulk's floor. */
  readonly isOwed: boolean;
  /** How often it was cut before. */
  readonly cuts: number;
  /** Its client has received nothing, and its call can be aborted. */
  mayCut(): boolean;
}

/**
 * The bulk request that makes room for another one: the youngest that may be cut; `null`: none.
 * @param usualMs how long bulk usually runs
 */
export function victimOf<Run extends Cuttable>(
  runs: Iterable<Run>,
  nowMs: number,
  usualMs: number,
): Run | null {
  let victim: Run | null = null;
  for (const run of runs) {
    const isYoung = nowMs - run.startedMs < CUT_SHARE * usualMs;
    const isYoungest = victim === null || run.startedMs >= victim.startedMs;
    if (isYoung && isYoungest && !run.isOwed && run.cuts < MOST_CUTS && run.mayCut()) victim = run;
  }
  return victim;
}
