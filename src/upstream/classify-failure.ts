import { errors } from 'undici';
import { ForbiddenUpstreamError } from './upstream-errors.js';
import { UpstreamError, type UpstreamErrorFacts, type UpstreamErrorKind } from './upstream-errors.js';

/** How far an exchange had come when it failed. */
export interface FailurePoint {
  /** host:port, for people. */
  readonly host: string;
  readonly sent: boolean;
  readonly answerBegan: boolean;
  readonly reusedConnection?: boolean;
}

/** Codes of failures to connect that mean the same on every system. */
const whyNoConnection: Readonly<Record<string, (host: string) => string>> = {
  ECONNREFUSED: (host) => `connection refused by ${host}`,
  ECONNRESET: (host) => `${host} reset the connection while connecting`,
  ENOTFOUND: (host) => `${host} does not resolve`,
  EAI_AGAIN: (host) => `the name server gave no answer about ${host}`,
  EHOSTUNREACH: (host) => `no route to ${host}`,
  ENETUNREACH: (host) => `no route to ${host}`,
  EHOSTDOWN: (host) => `${host} is down`,
};

const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : '';

/** ` (10.0.0.3)` where the system names the address that a host name stood for. */
function resolvedTo(error: Error, host: string): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const address =
    first instanceof Error && 'address' in first && typeof first.address === 'string' ? first.address : null;
  return address === null || host.includes(address) ? '' : ` (${address})`;
}

/** What undici and Node report, in the words callers decide by. Their codes: undici lib/core/errors.js. */
export function classifyFailure(error: Error, point: FailurePoint): UpstreamError {
  const { host, sent, answerBegan, reusedConnection = false } = point;
  const code = codeOf(error);
  const as = (
    kind: UpstreamErrorKind,
    message: string,
    facts: Partial<UpstreamErrorFacts> = {},
  ): UpstreamError => new UpstreamError(kind, message, { answerBegan, cause: error, ...facts });

  if (error instanceof UpstreamError) return error;
  if (error instanceof ForbiddenUpstreamError) return as('forbidden', error.message);

  switch (code) {
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      // Raised before anything is sent; undici names the header or part at fault, never its value.
      return as('malformed', `the request to ${host} cannot be written: ${error.message}`);
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return as('aborted', 'this service is closing its connections');
    case 'UND_ERR_HEADERS_OVERFLOW':
      return as('malformed', `${host} sent more than 16 KiB of headers`);
    case 'UND_ERR_CONNECT_TIMEOUT':
      return as('timeout', `${host} did not accept a connection in time`, { during: 'connect' });
  }
  if (!sent) {
    const why = whyNoConnection[code]?.(host);
    if (why !== undefined) return as('connect', why + resolvedTo(error, host));
    if (code === 'ETIMEDOUT')
      return as('timeout', `${host} did not accept a connection`, { during: 'connect' });
    return as('connect', `no connection to ${host}: ${error.message}`);
  }
  if (error.message === 'bad response' || error.message === 'bad upgrade') {
    return as('malformed', `${host} answered with a status that nobody asked for (100 or 101)`);
  }
  // Its code is undefined in this version of undici, and it carries the bytes, which no log may show: no cause.
  if (error instanceof errors.HTTPParserError && !error.message.includes('Invalid EOF state')) {
    return as('malformed', `${host}: ${error.message}`, { cause: undefined });
  }
  return answerBegan
    ? as('broken', `${host} broke off its answer${code === '' ? '' : ` (${code})`}`)
    : as('closed_before_answer', `${host} closed the connection without an answer`, { reusedConnection });
}
