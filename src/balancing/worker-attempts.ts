import { Injectable } from '@nestjs/common';
import type { RequestResult } from './request-result.js';
import { isFailed } from './worker-troubles.js';

/** Attempts of requests at a worker that ended. */
export interface AttemptCount {
  attempts: number;
  failed: number;
}

/** Counts attempts by worker, for figures: what the counts are taken for adds them up. */
@Injectable()
export class WorkerAttempts {
  private counts = new Map<string, AttemptCount>();

  add(workerId: string, kind: RequestResult['kind']): void {
    let count = this.counts.get(workerId);
    if (count === undefined) this.counts.set(workerId, (count = { attempts: 0, failed: 0 }));
    count.attempts += 1;
    if (isFailed(kind)) count.failed += 1;
  }

  /** Those since the last call. */
  take(): ReadonlyMap<string, AttemptCount> {
    const taken = this.counts;
    this.counts = new Map();
    return taken;
  }
}
