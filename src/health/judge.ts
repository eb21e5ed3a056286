import type { Health } from '../registry/worker.js';
import { oneLine } from './one-line.js';

/** What one probe saw. */
export interface Evidence {
  readonly ok: boolean;
  /** In words, for people. */
  readonly detail: string;
}

/** What is known of a worker's health; counts since its definition last changed. */
export interface Condition {
  readonly health: Health;
  /** Why it is so: of the moment it became so, not of the latest probe. */
  readonly reason: string;
  readonly failuresInRow: number;
  readonly successesInRow: number;
}

export interface Thresholds {
  /** Failures in a row after which it is unhealthy; at least 1. */
  readonly failuresDown: number;
  /** Successes in a row after which an unhealthy one is healthy again; at least 1. */
  readonly successesUp: number;
}

/** The condition after one more probe. */
export function judge(before: Condition, evidence: Evidence, thresholds: Thresholds): Condition {
  const failuresInRow = evidence.ok ? 0 : before.failuresInRow + 1;
  const successesInRow = evidence.ok ? before.successesInRow + 1 : 0;
  const health = evidence.ok
    ? up(before.health, successesInRow, thresholds)
    : down(before.health, failuresInRow, thresholds);
  const stays = health === before.health && !isOutdated(before);
  const reason = stays ? before.reason : because(evidence, health, failuresInRow);
  return { health, reason, failuresInRow, successesInRow };
}

/** A worker that can't be called as it stands needs no probe to be unhealthy. */
export function judgeFault(fault: string): Condition {
  return { health: 'unhealthy', reason: oneLine(fault), failuresInRow: 0, successesInRow: 0 };
}

/** One success is enough for all but those that had gone down. */
function up(health: Health, successesInRow: number, { successesUp }: Thresholds): Health {
  return health === 'unhealthy' && successesInRow < successesUp ? 'unhealthy' : 'healthy';
}

function down(health: Health, failuresInRow: number, { failuresDown }: Thresholds): Health {
  return failuresInRow >= failuresDown ? 'unhealthy' : health;
}

/** The reason speaks of an earlier definition, or of none ("not probed yet"): the first probe's word is a better one. */
function isOutdated({ health, failuresInRow, successesInRow }: Condition): boolean {
  return health !== 'healthy' && failuresInRow === 0 && successesInRow === 0;
}

function because({ ok, detail }: Evidence, health: Health, failuresInRow: number): string {
  if (!ok)
    return failuresInRow === 1
      ? `a probe failed: ${detail}`
      : `${failuresInRow} probes in a row failed: ${detail}`;
  return health === 'healthy' ? detail : `answering again, not yet often enough: ${detail}`;
}
