import { Injectable } from '@nestjs/common';
import type { RequestResult } from './request-result.js';

/** A worker whose last requests all failed. */
export interface Failing {
  /** When the first of them failed, in milliseconds since 1970. */
  readonly sinceMs: number;
  readonly failures: number;
  readonly lastError: string;
  readonly errorType: string;
  readonly lastErrorMs: number;
}

/** So many failed requests in a row, and no other, make a worker `failing`. */
const FAILING_AFTER = 3;
/** A message may quote an upstream's answer. */
const LONGEST_ERROR = 500;

/** What counts: the worker was called and gave no answer, whether it or the requests are at fault. */
const COUNTED: ReadonlySet<RequestResult['kind']> = new Set([
  'connect_error',
  'failure',
  'not_found',
  'timeout',
  'credentials',
  'access_denied',
]);

/** Whether an attempt that ended so counts as failed. */
export function isFailed(kind: RequestResult['kind']): boolean {
  return COUNTED.has(kind);
}

/**
 * Which workers fail every request, for operators to see. It does not change which worker is picked. Costs nothing while all
 * is well.
 */
@Injectable()
export class WorkerTroubles {
  private readonly failures = new Map<string, Failing>();

  /** @param errorType of the log and the metrics */
  record(workerId: string, kind: RequestResult['kind'], error: unknown, errorType: string): void {
    if (!isFailed(kind)) return;
    const nowMs = Date.now();
    const before = this.failures.get(workerId);
    const message = error instanceof Error ? error.message : String(error);
    this.failures.set(workerId, {
      sinceMs: before?.sinceMs ?? nowMs,
      failures: (before?.failures ?? 0) + 1,
      lastError: message.slice(0, LONGEST_ERROR),
      errorType,
      lastErrorMs: nowMs,
    });
  }

  succeeded(workerId: string): void {
    if (this.failures.size > 0) this.failures.delete(workerId);
  }

  /** The last failure since the last success; `null`: there was none. */
  lastFailure(workerId: string): Failing | null {
    return this.failures.get(workerId) ?? null;
  }

  failing(workerId: string): Failing | null {
    const last = this.lastFailure(workerId);
    return last !== null && last.failures >= FAILING_AFTER ? last : null;
  }

  /** @param exists workers that no longer do are forgotten */
  workerIds(exists: (workerId: string) => boolean): readonly string[] {
    for (const id of this.failures.keys()) if (!exists(id)) this.failures.delete(id);
    return [...this.failures.keys()];
  }
}

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
