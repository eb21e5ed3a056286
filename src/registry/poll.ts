import type { AnswerHeaders } from '../upstream/headers.js';
import type { UpstreamCall } from '../upstream/upstream-client.js';

/**
 * Long work by data: a worker with `poll` takes a submit, is polled for the state of its task, and its result is fetched. Everything
 * here is pure: it renders requests and reads answers. `jobs/` sends, waits and stores.
 */
export interface PollCall {
  /** How a submit is handled if it is unknown whether it arrived. `ask`: the status is requested by {JOB_ID} first. */
  readonly resubmit: 'never' | 'once' | 'ask';
  readonly intervalMs: number;
  /** From the submit to the end of the task. */
  readonly timeoutMs: number;
  /** How long a task that the upstream does not know (yet) is polled again. */
  readonly notFoundMs: number;
  readonly submitTimeoutMs: number;
  /** How long a job waits for a place at a worker. */
  readonly queueMs: number;
  /** Origins that an answer's URLs may name with credentials: the worker's own, and `poll.origins`. */
  readonly origins: ReadonlySet<string>;
  /** Whether files behind URLs are copied into the database. base64 and bytes of a request with `store` always are. */
  readonly store: boolean;
  readonly as: 'url' | 'base64' | 'bytes';
  /** How long the upstream keeps its files; `null`: unknown. */
  readonly expiresS: number | null;
  /** The answer to the submit, which the worker's own call renders (`TemplateCall.render`). Never throws. */
  readSubmit(answer: HttpAnswer, known: KnownValues): SubmitReading;
  /** @throws PollUrlError where a kept URL leads elsewhere, RenderError, SecretMissingError, TemplateError */
  status(known: KnownValues): UpstreamCall;
  /** Never throws. */
  readStatus(answer: HttpAnswer, known: KnownValues): StatusReading;
  /** What is to be done with the answer of a status that is `done`. @throws as `status` does */
  result(answer: unknown, known: KnownValues): ResultPlan;
  /** The answer to one request of a ResultPlan. Never throws. */
  readResult(answer: HttpAnswer, known: KnownValues): ResultReading;
  /**
   * The request for the file behind a URL of an answer. The worker's headers go along where the URL's origin is in `origins`,
   * else none that could be a credential. @throws PollUrlError, SecretMissingError, TemplateError
   */
  file(url: string, known: KnownValues): UpstreamCall;
  /** The request that `result` makes, and the names of what it keeps of each thing; `null`: the status holds the result. */
  readonly resultRequest: ResultRequest | null;
  /** Empty: the upstream has no way to cancel. @throws as `status` does */
  cancel(known: KnownValues): readonly UpstreamCall[];
}

/** An answer as it came, complete. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/** Values of the submit's answer for later steps, by the names of `poll.keep`. */
export type Kept = Readonly<Record<string, string | number>>;

/** What every step after the submit knows. */
export interface KnownValues {
  readonly MODEL_NAME: string;
  readonly JOB_ID: string;
  readonly REQUEST_ID: string;
  readonly kept: Kept;
}

export type SubmitReading =
  | { readonly kind: 'accepted'; readonly kept: Kept }
  /** Nothing was made: 429, 503, `busy_when`. */
  | { readonly kind: 'busy'; readonly retryAfterMs: number | null; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }
  /** It may have been taken: another 5xx. */
  | { readonly kind: 'unknown'; readonly message: string };

export type StatusReading =
  | {
      readonly kind: 'queued' | 'running';
      /** The upstream's own word; '' when there is none. */
      readonly word: string;
      /** 0 to 100. */
      readonly progress: number | null;
      readonly queuePosition: number | null;
      /** Such as a word that no state lists; '' for none. */
      readonly note: string;
    }
  /** `answer`: the parsed body, for `result`. */
  | { readonly kind: 'done'; readonly word: string; readonly answer: unknown }
  | { readonly kind: 'failed' | 'cancelled'; readonly word: string; readonly message: string }
  /** Says nothing of the task: 401, 403, 408, 425, 429, 5xx, not JSON. */
  | { readonly kind: 'again'; readonly retryAfterMs: number | null; readonly note: string }
  | { readonly kind: 'not_found'; readonly note: string };

/** A file of a result. `type`: its media type, where known. */
export type ResultFile =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'base64'; readonly base64: string; readonly type: string | null };

export type ResultPlan =
  | { readonly kind: 'files'; readonly files: readonly ResultFile[] }
  /** With `as: bytes` the body of each answer is a file; else `readResult` reads it. */
  | { readonly kind: 'requests'; readonly requests: readonly UpstreamCall[] }
  | { readonly kind: 'missing'; readonly message: string };

export interface ResultRequest {
  readonly names: readonly string[];
  /** @throws as `status` does */
  render(known: KnownValues): UpstreamCall;
}

export type ResultReading =
  | { readonly kind: 'files'; readonly files: readonly ResultFile[] }
  /** With `as: bytes`: the body is the file. */
  | { readonly kind: 'bytes'; readonly type: string }
  /** 408, 425, 429, 5xx. */
  | { readonly kind: 'again'; readonly retryAfterMs: number | null; readonly note: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'missing'; readonly message: string };
