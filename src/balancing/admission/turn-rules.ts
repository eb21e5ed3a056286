import type { Priority } from '../../config/balancing-settings.js';

/** How many requests of each class wait. */
export type Counts = Readonly<Record<Priority, number>>;

/** Requests that are not bulk, and those that are. */
export type Side = 'live' | 'bulk';

/** Of the places of a full queue: they stay with bulk, or its floor would find no request to start. */
const BULK_PLACES = 0.05;

/** Seconds in a Retry-After. */
const MOST_RETRY_AFTER_S = 60;
/** Until something has been served: about two probes. */
export const UNKNOWN_RETRY_AFTER_S = 5;
/** A Retry-After is spread by this share to either side, so that refused clients do not come back together. */
const SPREAD = 0.2;

/**
 * The side that goes next; `null`: none may.
 * @param waiting how many requests of each side may be served
 * @param bulk `isOwed`: it waits, and has had less than its floor. `mayStart`: there are idle slots for it
 */
export function nextSide(
  waiting: Readonly<Record<Side, number>>,
  bulk: { readonly isOwed: boolean; readonly mayStart: boolean },
): Side | null {
  if (waiting.bulk > 0 && bulk.isOwed) return 'bulk';
  if (waiting.live > 0) return 'live';
  return waiting.bulk > 0 && bulk.mayStart ? 'bulk' : null;
}

/**
 * The side that loses a request so that the queue keeps its length; `null`: there is a place for all. Bulk loses first but keeps
 * one place in twenty, and at least one of a queue of two or more.
 * @param waiting the request that has just come included
 */
export function losingSide(waiting: Readonly<Record<Side, number>>, capacity: number): Side | null {
  if (waiting.live + waiting.bulk <= capacity) return null;
  const kept = Math.min(Math.floor(capacity / 2), Math.max(1, Math.floor(BULK_PLACES * capacity)));
  return waiting.bulk > kept || waiting.live === 0 ? 'bulk' : 'live';
}

/**
 * When it is worth trying again, in whole seconds from 1 to 60.
 * @param requests that are served before it, itself included
 * @param perMs requests served in a millisecond, of late; 0: none
 * @param random uniform in [0, 1)
 */
export function retryAfterS(requests: number, perMs: number, random: number): number {
  const seconds = perMs === 0 ? UNKNOWN_RETRY_AFTER_S : requests / perMs / 1000;
  return inSeconds(1000 * seconds * (1 - SPREAD + 2 * SPREAD * random));
}

/** Rounded up, from 1 to 60. */
export function inSeconds(ms: number): number {
  return Math.min(MOST_RETRY_AFTER_S, Math.max(1, Math.ceil(ms / 1000)));
}
