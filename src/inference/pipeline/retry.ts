import { setTimeout as sleep } from 'node:timers/promises';
import { nextAttemptInMs, type RetryBudget } from '../../balancing/admission/retry-budget.js';
import type { RetryLimits } from '../../config/balancing-settings.js';
import { NoWorkerAvailableError } from '../../balancing/balancing-errors.js';
import { RequestAttempts } from '../../balancing/admission/request-attempts.js';
import { type RetryCause, UpstreamError } from '../../upstream/failure.js';
import { cannotServe } from './capability.js';

/** What an attempt needs to know about those before it. */
export interface AttemptContext {
  /** Workers that are not tried again; the one that is picked is added. */
  readonly tried: Set<string>;
  /** Uses a new connection, since a kept one has just failed. */
  readonly freshConnection: boolean;
  /** The failure that led to this attempt; `null`: it is no retry. */
  readonly after: RetryCause | null;
  /** Collects how the attempts ended. */
  readonly attempts: RequestAttempts;
}

export interface RetryRules {
  readonly limits: RetryLimits;
  /** The failures after which another worker is tried; `null`: all that allow it. */
  readonly causes: ReadonlySet<RetryCause> | null;
  /** Of the model; `undefined` while it is unknown. */
  readonly budget: () => RetryBudget | undefined;
  /** How many workers the model has. */
  readonly workers: () => number;
  /** Whether the client still waits. */
  readonly shouldContinue: () => boolean;
  /** Whether the client has received a byte: nothing is retried from then on. */
  readonly isCommitted: () => boolean;
  /** Workers that are not tried at all; `null`: none. */
  readonly excluded: ReadonlySet<string> | null;
  readonly random: () => number;
  /** After a worker could not serve the request: leaves only workers that may. @returns whether there is one */
  readonly excludeIncapable: (tried: Set<string>) => boolean;
}

/**
 * Runs attempts until one succeeds, each on another worker. What a failure leads to is in its row of `upstream/failure.ts`:
 * retried at once, as long as there are workers; or after a pause, out of the model's retry budget; or never. When no
 * worker is left, those that only closed a kept connection are tried once more, on a new one [RFC 9112, 9.3.1]. A request
 * that a worker cannot serve, or whose model it lacks, goes at once to one that may, whatever `retry_on` names.
 * @throws the error of the last attempt that reached a worker; that the model is missing only where all workers say so
 */
export async function retrying<T>(
  run: (attempt: AttemptContext) => Promise<T>,
  rules: RetryRules,
): Promise<T> {
  const attempts = new RequestAttempts();
  try {
    return await untilServed(run, rules, attempts);
  } finally {
    // Only now is it known how the other workers fared with this request.
    attempts.settle();
  }
}

async function untilServed<T>(
  run: (attempt: AttemptContext) => Promise<T>,
  rules: RetryRules,
  attempts: RequestAttempts,
): Promise<T> {
  const tried = rules.excluded === null ? new Set<string>() : new Set(rules.excluded);
  const stale: string[] = [];
  let freshConnection = false;
  let after: RetryCause | null = null;
  let retries = 0;
  let last: unknown;
  /** The first failure that is no missing model. */
  let failed: unknown;
  for (;;) {
    const before = tried.size;
    try {
      return await run({ tried, freshConnection, attempts, after });
    } catch (error) {
      if (rules.isCommitted()) throw error;
      if (error instanceof NoWorkerAvailableError && last !== undefined) {
        if (freshConnection || stale.length === 0) {
          if (failed !== undefined) throw failed;
          throw isMissing(last) && tried.size < rules.workers() ? error : last;
        }
        freshConnection = true;
        for (const id of stale) tried.delete(id);
        continue;
      }
      if (cannotServe(error)) {
        if (rules.excludeIncapable(tried)) continue;
        throw last ?? error;
      }
      if (!(error instanceof UpstreamError)) throw error;
      // It sleeps: the request waits for it as one that has tried nothing.
      if (error.kind === 'connect' && tried.size === before) continue;
      const { retry, retryOn, verdict } = error.failure;
      if (!isMissing(error) && error.kind !== 'path_missing') failed = error;
      if (retryOn === null || (retryOn !== '404' && rules.causes?.has(retryOn) === false)) throw error;
      last = error;
      after = retryOn;
      if (retry === 'at_once') {
        if (error.kind === 'stale_connection') stale.push([...tried].at(-1) ?? '');
        continue;
      }
      retries += 1;
      // A throttled worker did no work and is skipped until its time: such a retry adds no load.
      const isFree = verdict === 'throttled';
      if (!(await mayRetry(retries, isFree, tried, rules))) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof UpstreamError && error.kind === 'model_missing';
}

async function mayRetry(
  retries: number,
  isFree: boolean,
  tried: ReadonlySet<string>,
  rules: RetryRules,
): Promise<boolean> {
  if (tried.size >= rules.workers()) return false;
  const pauseMs = nextAttemptInMs(retries, false, rules.random, rules.limits);
  if (pauseMs === null) return false;
  if (!isFree && rules.budget()?.take(performance.now()) !== true) return false;
  await sleep(pauseMs);
  return rules.shouldContinue();
}
