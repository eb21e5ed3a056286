import type { ErrorType } from '../telemetry/error-type.js';

/** What can go wrong with one attempt at one worker. */
export type FailureKind =
  // No request reached the worker.
  | 'connect'
  | 'connect_timeout'
  | 'address_forbidden'
  | 'secret_missing'
  | 'bad_definition'
  | 'unwritable_request'
  // The request was sent, and no response began.
  | 'stale_connection'
  | 'closed_before_answer'
  | 'first_byte_timeout'
  // A response began.
  | 'body_timeout'
  | 'idle_timeout'
  | 'total_timeout'
  | 'broken'
  | 'bad_answer'
  | 'no_output'
  | 'no_answer'
  | 'unusable_answer'
  | 'too_large'
  | 'no_memory'
  // The response has a status other than 2xx.
  | 'credentials_rejected'
  | 'access_denied'
  | 'throttled'
  | 'overloaded'
  | 'internal_error'
  | 'bad_gateway'
  | 'unavailable'
  | 'gateway_timeout'
  | 'other_status'
  | 'model_missing'
  | 'path_missing'
  | 'request_rejected'
  // The client disconnected, or this service is closing.
  | 'aborted';

/** The names by which a model's `retry_on` selects failures, and 404, after which another worker is always tried. */
export type RetryCause =
  'connection' | 'timeout' | 'credentials' | '404' | '429' | '500' | '502' | '503' | '504';

export interface Failure {
  /**
   * Whether another worker is tried: `at_once` where this one did no work; `after_pause`, at most as often as the model
   * allows; `never` where the work may be done already, or fails elsewhere too.
   */
  readonly retry: 'at_once' | 'after_pause' | 'never';
  /** The name in a model's `retry_on`; `null`: never retried. */
  readonly retryOn: RetryCause | null;
  /** What balancing learns about the worker; `blame` compares it with the attempts at other workers. */
  readonly verdict: Verdict;
  /** Of the log line and the metrics. */
  readonly errorType: ErrorType;
  /** The status that a client gets; `null`: the worker's own. */
  readonly status: number | null;
}

export type Verdict =
  | 'connect_error'
  | 'failure'
  | 'timeout'
  | 'throttled'
  | 'client_fault'
  | 'not_found'
  | 'credentials'
  | 'access_denied'
  | 'neutral';

const row = (
  retry: Failure['retry'],
  retryOn: RetryCause | null,
  verdict: Verdict,
  errorType: ErrorType,
  status: number | null,
): Failure => ({ retry, retryOn, verdict, errorType, status });

/** nginx's status for a client that disconnected; only the log sees it. */
const CLIENT_CLOSED_REQUEST = 499;

/** The one table of failures. Retries, balancing, logs, metrics, dry runs and error responses read it. */
// prettier-ignore
export const FAILURES: Readonly<Record<FailureKind, Failure>> = {
  // Refused, unresolvable, no route, TLS failed.
  connect:              row('at_once', 'connection', 'connect_error', 'worker_unreachable', 502),
  connect_timeout:      row('at_once', 'connection', 'connect_error', 'worker_timeout', 504),
  // The upstream guard denies the address.
  address_forbidden:    row('at_once', 'connection', 'connect_error', 'worker_unreachable', 502),
  secret_missing:       row('at_once', 'connection', 'neutral', 'manager_misconfigured', 502),
  bad_definition:       row('never', null, 'neutral', 'manager_misconfigured', 502),
  unwritable_request:   row('never', null, 'neutral', 'worker_bad_answer', 502),
  // A kept connection that the server had just closed says nothing about the server [RFC 9112, 9.3.1].
  stale_connection:     row('at_once', 'connection', 'neutral', 'worker_unreachable', 502),
  closed_before_answer: row('at_once', 'connection', 'failure', 'worker_unreachable', 502),
  first_byte_timeout:   row('after_pause', 'timeout', 'failure', 'worker_timeout', 504),
  // Headers came, and no byte of the body.
  body_timeout:         row('never', null, 'failure', 'worker_timeout', 504),
  idle_timeout:         row('never', null, 'failure', 'worker_timeout', 504),
  // A long answer may be nearly done: a retry would generate it twice.
  total_timeout:        row('never', null, 'timeout', 'worker_timeout', 504),
  broken:               row('never', null, 'failure', 'worker_bad_answer', 502),
  // Not HTTP, not the worker's API, or reported as failed by the answer itself.
  bad_answer:           row('never', null, 'failure', 'worker_bad_answer', 502),
  // A stream failed before it held any output.
  no_output:            row('after_pause', '502', 'failure', 'worker_bad_answer', 502),
  // Status 200 with an error, a web page or nothing.
  no_answer:            row('after_pause', '502', 'failure', 'worker_bad_answer', 502),
  // This one answer cannot be used; the worker is well.
  unusable_answer:      row('never', null, 'neutral', 'worker_bad_answer', 502),
  too_large:            row('never', null, 'client_fault', 'worker_bad_answer', 502),
  // The answer does not fit into the memory budget of this replica now.
  no_memory:            row('never', null, 'neutral', 'manager_overloaded', 503),
  // 401, 402.
  credentials_rejected: row('after_pause', 'credentials', 'credentials', 'worker_rejected_credentials', 502),
  // 403: some providers answer it to a flagged prompt.
  access_denied:        row('after_pause', 'credentials', 'access_denied', 'worker_rejected_credentials', 502),
  // 429.
  throttled:            row('after_pause', '429', 'throttled', 'worker_error', 429),
  // 503 with a time; 529, Anthropic's status for it [platform.claude.com/docs/en/api/errors]; 498, Groq's.
  overloaded:           row('after_pause', '503', 'throttled', 'worker_error', 503),
  // 500, 502, 503, 504, and what proxies answer in their place.
  internal_error:       row('after_pause', '500', 'failure', 'worker_error', 500),
  bad_gateway:          row('after_pause', '502', 'failure', 'worker_error', 502),
  unavailable:          row('after_pause', '503', 'failure', 'worker_error', 503),
  gateway_timeout:      row('after_pause', '504', 'failure', 'worker_error', 504),
  // Any other 5xx, and redirects, which are not followed.
  other_status:         row('never', null, 'failure', 'worker_error', 502),
  // 404, 410, and errors that say so. The model is registered, so this one worker lacks it, unless all others do, too.
  model_missing:        row('at_once', '404', 'not_found', 'worker_error', null),
  // The server has no such endpoint; another worker's may have it.
  path_missing:         row('at_once', '404', 'neutral', 'worker_error', null),
  // Any other 4xx.
  request_rejected:     row('never', null, 'client_fault', 'worker_error', null),
  aborted:              row('never', null, 'neutral', 'caller_gone', CLIENT_CLOSED_REQUEST),
};

const KIND_OF_STATUS: ReadonlyMap<number, FailureKind> = new Map<number, FailureKind>([
  [401, 'credentials_rejected'],
  [402, 'credentials_rejected'],
  [403, 'access_denied'],
  [404, 'model_missing'],
  // OpenRouter's status for a model that took too long: https://openrouter.ai/docs/api/reference/errors-and-debugging
  [408, 'gateway_timeout'],
  [410, 'model_missing'],
  [429, 'throttled'],
  // "Flex Tier Capacity Exceeded": https://console.groq.com/docs/errors
  [498, 'overloaded'],
  [500, 'internal_error'],
  [502, 'bad_gateway'],
  [503, 'unavailable'],
  [504, 'gateway_timeout'],
  // Cloudflare's, for an origin that it could not reach or that gave no answer; 524: one that took too long.
  // https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
  [520, 'bad_gateway'],
  [521, 'bad_gateway'],
  [522, 'bad_gateway'],
  [523, 'bad_gateway'],
  [524, 'gateway_timeout'],
  [525, 'bad_gateway'],
  [526, 'bad_gateway'],
  [527, 'bad_gateway'],
  [529, 'overloaded'],
  [530, 'bad_gateway'],
  // Of proxies whose connection to their own upstream timed out, while reading (598) or connecting (599): an informal convention.
  // https://en.wikipedia.org/wiki/List_of_HTTP_status_codes
  [598, 'gateway_timeout'],
  [599, 'gateway_timeout'],
]);

/** @param hasRetryAfter the response has a Retry-After header */
export function kindOfStatus(status: number, hasRetryAfter: boolean): FailureKind {
  if (status === 503 && hasRetryAfter) return 'overloaded';
  return KIND_OF_STATUS.get(status) ?? (status >= 400 && status < 500 ? 'request_rejected' : 'other_status');
}

/** Whether a client that waits and tries again may fare better: the next try would not repeat what was tried here. */
export function mayClientRetry({ retry, verdict }: Failure, attempts: number): boolean {
  if (verdict === 'throttled') return true;
  return retry !== 'never' && verdict !== 'credentials' && verdict !== 'access_denied' && attempts < 2;
}

/** What a client may read. Left out where the message itself may be read. */
interface UpstreamErrorOptions extends ErrorOptions {
  readonly forClient?: string;
}

/**
 * An attempt failed. The message is for operators: it names hosts, codes and sizes; never a header's value, a path or a
 * query. Clients read `forClient`, which names no host either.
 */
export class UpstreamError extends Error {
  override readonly name: string = 'UpstreamError';
  readonly forClient: string;

  constructor(
    readonly kind: FailureKind,
    message: string,
    { forClient = message, ...options }: UpstreamErrorOptions = {},
  ) {
    super(message, options);
    this.forClient = forClient;
  }

  /** What only operators may read; `null`: the client reads the whole message. */
  get detail(): string | null {
    return this.forClient === this.message ? null : this.message;
  }

  get failure(): Failure {
    return FAILURES[this.kind];
  }
}

/** How every message about a failed attempt begins. */
export const FAILED = 'worker execute error';

/** What a client reads about an error in the middle of a stream. */
export function messageForClient(error: unknown): string {
  const message =
    error instanceof UpstreamError ? error.forClient : 'this service failed; its log has the details';
  return `${FAILED}: ${message}`;
}

/** The message of an error as a client may read it: without the host of a worker. */
export function reasonForClient(error: unknown): string {
  if (error instanceof UpstreamError) return error.forClient;
  return error instanceof Error ? error.message : String(error);
}

/** What only the log may hold of an error; `null`: nothing. */
export function detailOf(error: unknown): string | null {
  return error instanceof UpstreamError ? error.detail : null;
}

/** `null`: the error is not of an attempt. */
export function failureOf(error: unknown): Failure | null {
  return error instanceof UpstreamError ? error.failure : null;
}

/** What the log and the metrics call an error after the response has begun. */
export function errorTypeOf(error: unknown): ErrorType {
  return failureOf(error)?.errorType ?? 'manager_internal';
}
