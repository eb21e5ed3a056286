import { errors } from 'undici';
import { type FailureKind, UpstreamError } from './failure.js';
import { ForbiddenUpstreamError } from './upstream-errors.js';

/** How far an exchange had come when it failed. */
export interface FailurePoint {
  /** host:port, for people. */
  readonly host: string;
  readonly sent: boolean;
  readonly answerBegan: boolean;
  readonly reusedConnection?: boolean;
}

/** What probes of a worker say to which nothing listens; others read it there. */
export const REFUSED = 'connection refused';

/** Codes of failures to connect that mean the same on every system. */
const CONNECT_MESSAGES: Readonly<Record<string, (host: string) => string>> = {
  ECONNREFUSED: (host) => `${REFUSED} by ${host}`,
  ECONNRESET: (host) => `${host} reset the connection while connecting`,
  ENOTFOUND: (host) => `${host} does not resolve`,
  EAI_AGAIN: (host) => `the name server gave no answer about ${host}`,
  EHOSTUNREACH: (host) => `no route to ${host}`,
  ENETUNREACH: (host) => `no route to ${host}`,
  EHOSTDOWN: (host) => `${host} is down`,
};

/** What clients read instead, without hosts and codes. */
const FOR_CLIENTS = {
  connect: 'the worker could not be reached',
  connect_timeout: 'the worker did not accept a connection in time',
  address_forbidden: 'this service may not connect to the worker',
  unwritable_request: 'the request to the worker cannot be written',
  aborted: 'this service is closing its connections',
  bad_answer: 'the worker sent no valid HTTP',
  broken: 'the worker closed the connection before the answer was complete',
  stale_connection: 'the worker closed the connection without an answer',
  closed_before_answer: 'the worker closed the connection without an answer',
} as const satisfies Partial<Record<FailureKind, string>>;

/** What undici and Node report, as a kind of failure. Their codes: undici lib/core/errors.js. */
export function classifyFailure(error: Error, point: FailurePoint): UpstreamError {
  const { host, sent, answerBegan, reusedConnection = false } = point;
  const code = codeOf(error);
  const as = (
    kind: keyof typeof FOR_CLIENTS,
    message: string,
    forClient: string = FOR_CLIENTS[kind],
  ): UpstreamError => new UpstreamError(kind, message, { cause: error, forClient });

  if (error instanceof UpstreamError) return error;
  if (error instanceof ForbiddenUpstreamError) return as('address_forbidden', error.message);

  switch (code) {
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      // Raised before anything is sent; undici names the header or part at fault, never its value.
      return as('unwritable_request', `the request to ${host} cannot be written: ${error.message}`);
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return as('aborted', 'this service is closing its connections');
    case 'UND_ERR_HEADERS_OVERFLOW':
      return as(
        'bad_answer',
        `${host} sent more than 16 KiB of headers`,
        'the worker sent more than 16 KiB of headers',
      );
    case 'UND_ERR_CONNECT_TIMEOUT':
      return as('connect_timeout', `${host} did not accept a connection in time`);
  }
  if (!sent) {
    const messageAbout = CONNECT_MESSAGES[code];
    if (messageAbout !== undefined)
      return as('connect', messageAbout(host) + resolvedTo(error, host), messageAbout('the worker'));
    if (code === 'ETIMEDOUT') return as('connect_timeout', `${host} did not accept a connection`);
    return as('connect', `no connection to ${host}: ${error.message}`);
  }
  if (error.message === 'bad response' || error.message === 'bad upgrade') {
    return as('bad_answer', `${host} answered with the status 100 or 101, which was not requested`);
  }
  // The parser's error carries the bytes, which must stay out of every log: no cause.
  if (error instanceof errors.HTTPParserError && !error.message.includes('Invalid EOF state')) {
    return new UpstreamError('bad_answer', `${host}: ${error.message}`, {
      forClient: FOR_CLIENTS.bad_answer,
    });
  }
  if (answerBegan) {
    // The system's codes, such as ECONNRESET, are known to operators; undici's are not.
    const detail = code === '' || code.startsWith('UND_') ? '' : ` (${code})`;
    return as('broken', `${host} broke off its answer${detail}`);
  }
  const kind = reusedConnection ? 'stale_connection' : 'closed_before_answer';
  return as(kind, `${host} closed the connection without an answer`);
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** ` (10.0.0.3)` where the system names the address that a host name resolved to. */
function resolvedTo(error: Error, host: string): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const address =
    first instanceof Error && 'address' in first && typeof first.address === 'string' ? first.address : null;
  return address === null || host.includes(address) ? '' : ` (${address})`;
}

/** Whether nothing listens at the address. */
export function isRefused(error: unknown): boolean {
  if (!(error instanceof UpstreamError) || error.kind !== 'connect') return false;
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
}
