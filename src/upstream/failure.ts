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
  | 'request_rejected'
  // The client disconnected, or this service is closing.
  | 'aborted';

/** The names by which a model's `retry_on` selects failures. */
type RetryCause = 'connection' | 'timeout' | 'credentials' | '429' | '500' | '502' | '503' | '504';

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
}

export type Verdict =
  | 'connect_error'
  | 'failure'
  | 'timeout'
  | 'throttled'
  | 'client_fault'
  | 'credentials'
  | 'access_denied'
  | 'neutral';

const row = (
  retry: Failure['retry'],
  retryOn: RetryCause | null,
  verdict: Verdict,
  errorType: ErrorType,
): Failure => ({ retry, retryOn, verdict, errorType });

/** The one table of failures. Retries, balancing, logs, metrics, dry runs and error responses read it. */
// prettier-ignore
export const FAILURES: Readonly<Record<FailureKind, Failure>> = {
  // Refused, unresolvable, no route, TLS failed.
  connect:              row('at_once', 'connection', 'connect_error', 'worker_unreachable'),
  connect_timeout:      row('at_once', 'connection', 'connect_error', 'worker_timeout'),
  // The upstream guard denies the address.
  address_forbidden:    row('at_once', 'connection', 'connect_error', 'worker_unreachable'),
  secret_missing:       row('at_once', 'connection', 'neutral', 'manager_misconfigured'),
  bad_definition:       row('never', null, 'neutral', 'manager_misconfigured'),
  unwritable_request:   row('never', null, 'neutral', 'worker_bad_answer'),
  // A kept connection that the server had just closed says nothing about the server [RFC 9112, 9.3.1].
  stale_connection:     row('at_once', 'connection', 'neutral', 'worker_unreachable'),
  closed_before_answer: row('at_once', 'connection', 'failure', 'worker_unreachable'),
  first_byte_timeout:   row('after_pause', 'timeout', 'failure', 'worker_timeout'),
  // Headers came, and no byte of the body.
  body_timeout:         row('never', null, 'failure', 'worker_timeout'),
  idle_timeout:         row('never', null, 'failure', 'worker_timeout'),
  // A long answer may be nearly done: a retry would generate it twice.
  total_timeout:        row('never', null, 'timeout', 'worker_timeout'),
  broken:               row('never', null, 'failure', 'worker_bad_answer'),
  // Not HTTP, not the worker's API, or reported as failed by the answer itself.
  bad_answer:           row('never', null, 'failure', 'worker_bad_answer'),
  // A stream failed before it held any output.
  no_output:            row('after_pause', '502', 'failure', 'worker_bad_answer'),
  // Status 200 with an error, a web page or nothing.
  no_answer:            row('after_pause', '502', 'failure', 'worker_bad_answer'),
  // This one answer cannot be used; the worker is well.
  unusable_answer:      row('never', null, 'neutral', 'worker_bad_answer'),
  too_large:            row('never', null, 'client_fault', 'worker_bad_answer'),
  // The answer does not fit into the memory budget of this replica now.
  no_memory:            row('never', null, 'neutral', 'manager_overloaded'),
  // 401, 402.
  credentials_rejected: row('after_pause', 'credentials', 'credentials', 'worker_rejected_credentials'),
  // 403: some providers answer it to a flagged prompt.
  access_denied:        row('after_pause', 'credentials', 'access_denied', 'worker_rejected_credentials'),
  // 429.
  throttled:            row('after_pause', '429', 'throttled', 'worker_error'),
  // 503 with Retry-After; 529, Anthropic's status for it [platform.claude.com/docs/en/api/errors].
  overloaded:           row('after_pause', '503', 'throttled', 'worker_error'),
  // 500, 502, 503, 504.
  internal_error:       row('after_pause', '500', 'failure', 'worker_error'),
  bad_gateway:          row('after_pause', '502', 'failure', 'worker_error'),
  unavailable:          row('after_pause', '503', 'failure', 'worker_error'),
  gateway_timeout:      row('after_pause', '504', 'failure', 'worker_error'),
  // Any other 5xx, and redirects, which are not followed.
  other_status:         row('never', null, 'failure', 'worker_error'),
  // Any other 4xx.
  request_rejected:     row('never', null, 'client_fault', 'worker_error'),
  aborted:              row('never', null, 'neutral', 'caller_gone'),
};

const KIND_OF_STATUS: ReadonlyMap<number, FailureKind> = new Map<number, FailureKind>([
  [401, 'credentials_rejected'],
  [402, 'credentials_rejected'],
  [403, 'access_denied'],
  [429, 'throttled'],
  [500, 'internal_error'],
  [502, 'bad_gateway'],
  [503, 'unavailable'],
  [504, 'gateway_timeout'],
  [529, 'overloaded'],
]);

/** @param hasRetryAfter the response has a Retry-After header */
export function kindOfStatus(status: number, hasRetryAfter: boolean): FailureKind {
  if (status === 503 && hasRetryAfter) return 'overloaded';
  return KIND_OF_STATUS.get(status) ?? (status >= 400 && status < 500 ? 'request_rejected' : 'other_status');
}

/** An attempt failed. Messages name hosts, codes and sizes; never a header's value, a path or a query. */
export class UpstreamError extends Error {
  override readonly name: string = 'UpstreamError';

  constructor(
    readonly kind: FailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get failure(): Failure {
    return FAILURES[this.kind];
  }
}

/** `null`: the error is not of an attempt. */
export function failureOf(error: unknown): Failure | null {
  return error instanceof UpstreamError ? error.failure : null;
}

/** What the log and the metrics call an error after the response has begun. */
export function errorTypeOf(error: unknown): ErrorType {
  return failureOf(error)?.errorType ?? 'manager_internal';
}
