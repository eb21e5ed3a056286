/** Long work. */
export abstract class JobSettings {
  /** How long a job and its files are kept after its end. */
  abstract readonly retentionMs: number;
  /** How often the table is read in any case: NOTIFY is only a hint. */
  abstract readonly idleMs: number;
  /** The shortest pause between two claims. */
  abstract readonly gatherMs: number;
  /** What was seen within this time is written at once. */
  abstract readonly recordMs: number;
  /** Another replica takes over after this time without a renewal. */
  abstract readonly leaseMs: number;
  abstract readonly renewMs: number;
  /** Looks that a replica makes at once, … */
  abstract readonly looksAtOnce: number;
  /** … and of one worker, so that one that hangs does not delay the others. */
  abstract readonly looksPerWorker: number;
  abstract readonly submitsAtOnce: number;
  /** For the answer to a look or a cancel. */
  abstract readonly lookTimeoutMs: number;
  /** A submit of which nothing is known fails after this time, unless the worker's `poll.resubmit` says otherwise. */
  abstract readonly unknownMs: number;
  /** Between two questions whether a submit arrived. */
  abstract readonly askPauseMs: number;
  /** A cancel that the upstream does not answer counts as done after this time. */
  abstract readonly cancelMs: number;
  /** How long a result that cannot be fetched is tried again. */
  abstract readonly resultMs: number;
  /** A file that sends nothing for so long is broken off. */
  abstract readonly silenceMs: number;
  /** Jobs of a model that may wait, unless its policy says otherwise. */
  abstract readonly mostQueued: number;
  /** A client that retries may come back within this time after it hung up: its job is not cancelled before. */
  abstract readonly returnMs: number;
  /** How often jobs that are waited for are read in any case. */
  abstract readonly waitedMs: number;
  /** Input files of all jobs that are not submitted yet. */
  abstract readonly inputBytes: number;
  /** The largest file of a result that is copied into the database. */
  abstract readonly resultBytes: number;
  abstract readonly failures: JobFailureLimits;
}

/** What a worker's failed jobs cost it. */
export interface JobFailureLimits {
  /** After so many failed jobs in a row, whatever the cause, it gets one job at a time. */
  readonly limitedAfter: number;
  /** After so many in a row by its own fault it is paused, … */
  readonly faultsInARow: number;
  /** … first for so long, doubled each time. */
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
  /** The pause after a busy answer without Retry-After, doubled each time. */
  readonly busyMs: number;
  readonly busyMaxMs: number;
}

/** Reports of ended jobs to clients (webhooks). */
export abstract class WebhookSettings {
  /** `whsec_…`, which signs them; `null`: none are sent. */
  abstract readonly secret: string | null;
  /** How often the table is read. */
  abstract readonly tickMs: number;
  /** Between the tries. */
  abstract readonly pausesMs: readonly number[];
}

/** Standard Webhooks: a key of 24 to 64 bytes [github.com/standard-webhooks/standard-webhooks, Signature scheme]. */
const SECRET = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/;
const FEWEST_BYTES = 24;
const MOST_BYTES = 64;

/** The key of a secret `whsec_…`; `null`: it is none. */
export function webhookKey(secret: string): Buffer | null {
  const base64 = SECRET.exec(secret)?.[1];
  if (base64 === undefined) return null;
  const key = Buffer.from(base64, 'base64');
  return key.length >= FEWEST_BYTES && key.length <= MOST_BYTES ? key : null;
}
