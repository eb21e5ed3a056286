import { Injectable } from '@nestjs/common';
import { addCounts, addFirstToken, type FirstTokens, noFirstTokens } from '../telemetry/first-tokens.js';
import type { RequestFacts } from '../telemetry/request-facts.js';
import { outcomeOf } from '../usage/used.js';

/** Requests that ended in some time. */
export interface Counts {
  requests: number;
  failed: number;
  savedByRetry: number;
  readonly firstTokens: FirstTokens;
}

export function noCounts(): Counts {
  return { requests: 0, failed: 0, savedByRetry: 0, firstTokens: noFirstTokens() };
}

export function add(sum: Counts, more: Readonly<Counts>): void {
  sum.requests += more.requests;
  sum.failed += more.failed;
  sum.savedByRetry += more.savedByRetry;
  addCounts(sum.firstTokens, more.firstTokens);
}

type Facts = Pick<
  RequestFacts,
  'model' | 'workerId' | 'attempts' | 'errorType' | 'isRejected' | 'firstEventMs' | 'queueMs'
>;

/** Counts the requests of this replica as they end. What is done with the counts is off their way. */
@Injectable()
export class Traffic {
  private counts = noCounts();
  private ofWorkers = new Map<string, FirstTokens>();

  ended({ model, workerId, attempts, errorType, isRejected, firstEventMs, queueMs }: Facts): void {
    // A worker of a model that the snapshot does not have yet.
    if (model === null && workerId === null) return;
    const { counts } = this;
    counts.requests += 1;
    if (errorType !== null) {
      const outcome = outcomeOf(errorType, isRejected);
      if (outcome === 'worker' || outcome === 'service') counts.failed += 1;
      return;
    }
    if (attempts > 1) counts.savedByRetry += 1;
    if (firstEventMs === null) return;
    addFirstToken(counts.firstTokens, firstEventMs / 1000);
    // What an attempt before cost is not the worker's.
    if (workerId === null || attempts > 1) return;
    let ofWorker = this.ofWorkers.get(workerId);
    if (ofWorker === undefined) this.ofWorkers.set(workerId, (ofWorker = noFirstTokens()));
    addFirstToken(ofWorker, (firstEventMs - (queueMs ?? 0)) / 1000);
  }

  /** Those since the last call. */
  take(): { readonly counts: Counts; readonly ofWorkers: ReadonlyMap<string, FirstTokens> } {
    const taken = { counts: this.counts, ofWorkers: this.ofWorkers };
    this.counts = noCounts();
    this.ofWorkers = new Map();
    return taken;
  }

  /** Those since they were last taken. */
  get untaken(): Readonly<Counts> {
    return this.counts;
  }
}
