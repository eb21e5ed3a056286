import { setTimeout as sleep } from 'node:timers/promises';
import {
  nextAttemptInMs,
  type RetryBudget,
  type RetryLimits,
} from '../../balancing/admission/retry-budget.js';
import { NoWorkerAvailableError } from '../../balancing/balancing-errors.js';
import { RequestAttempts } from '../../balancing/request-attempts.js';
import { resultOf } from '../../balancing/request-result.js';
import type { RetryCause } from '../../registry/models/model-policy.js';
import { SecretMissingError } from '../../credentials/worker-secrets.js';
import { cannotServe } from './capability.js';
import { FailedBeforeOutputError } from '../../upstream/upstream-errors.js';
import { UpstreamError } from '../../upstream/upstream-errors.js';
import { UpstreamStatusError } from '../../upstream/upstream-errors.js';

/** What an attempt must know of those before it. */
export interface Attempt {
  /** Workers that are not to be asked again; whoever is asked now is added. */
  readonly tried: Set<string>;
  /** On no kept connection: one of these has just failed. */
  readonly freshConnection: boolean;
  /** Collects what the attempts say of their workers. */
  readonly attempts: RequestAttempts;
}

export interface RetryRules {
  readonly limits: RetryLimits;
  /** After what another worker is asked; `null`: after all that allows it. */
  readonly causes: ReadonlySet<RetryCause> | null;
  /** Of the model; `undefined` while it is not known. */
  readonly budget: () => RetryBudget | undefined;
  /** How many workers there are to try at all. */
  readonly workers: () => number;
  /** Whether the caller still waits. */
  readonly shouldContinue: () => boolean;
  readonly random: () => number;
  /** For a request that a worker has no words for: leaves those that may have. @returns whether there is any */
  readonly excludeIncapable: (tried: Set<string>) => boolean;
}

/**
 * Runs an attempt until one succeeds, on another worker each time while there is one. A connection that was not made, or
 * that ended before a byte of the answer came, has cost no worker anything: another is asked at once, as long as there
 * is one. After an answer that says no, at most so many times, with pauses, and out of the model's budget. When there is
 * nobody else, those that only closed a connection they had kept are asked once more, on a new one [RFC 9112, 9.3.1].
 * What a worker has no words for goes at once to one that speaks otherwise, if the model has one.
 * @throws what the last attempt that reached a worker threw
 */
export async function retrying<T>(run: (attempt: Attempt) => Promise<T>, rules: RetryRules): Promise<T> {
  const attempts = new RequestAttempts();
  try {
    return await untilServed(run, rules, attempts);
  } finally {
    attempts.settle();
  }
}

async function untilServed<T>(
  run: (attempt: Attempt) => Promise<T>,
  rules: RetryRules,
  attempts: RequestAttempts,
): Promise<T> {
  const tried = new Set<string>();
  const doneWithConnection = new Set<string>();
  let ownConnection = false;
  let refusals = 0;
  let last: unknown;
  for (;;) {
    try {
      return await run({ tried, freshConnection: ownConnection, attempts });
    } catch (error) {
      if (error instanceof NoWorkerAvailableError && last !== undefined) {
        if (ownConnection || doneWithConnection.size === 0) throw last;
        ownConnection = true;
        for (const id of doneWithConnection) tried.delete(id);
        continue;
      }
      if (cannotServe(error)) {
        if (rules.excludeIncapable(tried)) continue;
        throw last ?? error;
      }
      const cause = retryCause(error);
      if (cause === null || rules.causes?.has(cause) === false) throw error;
      last = error;
      if (cause === 'connection') {
        if (closedKeptConnection(error)) doneWithConnection.add([...tried].at(-1) ?? '');
        continue;
      }
      refusals += 1;
      // A throttled worker did no work, and is skipped until its time: such a retry adds no load.
      const isFree = resultOf(error).kind === 'throttled';
      if (!(await mayAskAnother(refusals, isFree, tried, rules))) throw error;
    }
  }
}

async function mayAskAnother(
  refusals: number,
  isFree: boolean,
  tried: ReadonlySet<string>,
  rules: RetryRules,
): Promise<boolean> {
  if (tried.size >= rules.workers()) return false;
  const pauseMs = nextAttemptInMs(refusals, false, rules.random, rules.limits);
  if (pauseMs === null) return false;
  if (!isFree && rules.budget()?.take(performance.now()) !== true) return false;
  await sleep(pauseMs);
  return rules.shouldContinue();
}

/**
 * Why another worker may do better; `null`: it is final. `connection`: no worker did anything. All others: one answered
 * with a refusal, or let a stream's beginning wait for too long.
 */
export function retryCause(error: unknown): RetryCause | null {
  if (error instanceof UpstreamStatusError) return CAUSE_OF_STATUS.get(error.status) ?? null;
  if (error instanceof FailedBeforeOutputError) return '502';
  // One of its secrets is not there: it was not called.
  if (error instanceof SecretMissingError) return 'connection';
  if (!(error instanceof UpstreamError)) return null;
  switch (error.kind) {
    case 'connect':
    case 'closed_before_answer':
    case 'forbidden':
      return 'connection';
    case 'timeout':
      if (error.during === 'connect') return 'connection';
      // An answer that is not streamed may be nearly done: it would be made twice.
      return error.during === 'first_byte' && !error.answerBegan ? 'timeout' : null;
    case 'broken':
    case 'malformed':
    case 'too_large':
    case 'aborted':
      return null;
  }
}

/** Of its own trouble, or with our credentials: another worker may have neither. */
const CAUSE_OF_STATUS: ReadonlyMap<number, RetryCause> = new Map([
  [401, 'credentials'],
  [402, 'credentials'],
  [403, 'credentials'],
  [429, '429'],
  [500, '500'],
  [502, '502'],
  [503, '503'],
  [504, '504'],
  // Anthropic's word for it. https://platform.claude.com/docs/en/api/errors
  [529, '503'],
]);

function closedKeptConnection(error: unknown): boolean {
  return error instanceof UpstreamError && error.kind === 'closed_before_answer' && error.reusedConnection;
}
