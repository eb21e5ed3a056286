import { SecretMissingError } from '../../credentials/worker-secrets.js';
import { classifyFailure } from '../../upstream/classify-failure.js';
import { UpstreamError } from '../../upstream/failure.js';
import { ForbiddenUpstreamError } from '../../upstream/upstream-errors.js';
import type { ProbeFailure } from '../evaluation/health-state.js';
import type { OwnFault } from './probe-result.js';

/** Probes of template workers send no more: their headers may hold what only a request has, and a 401 shows that the server is alive. */
const HEADERS = { 'user-agent': 'multi-model-manager', 'accept-encoding': 'identity' };

/** How axios makes each request of a probe: any status is an answer, and its body is read as it comes. */
export const probeRequest = (headers: Readonly<Record<string, string>> = {}) =>
  ({
    headers: { ...HEADERS, ...headers },
    responseType: 'stream',
    proxy: false,
    maxRedirects: 0,
    decompress: false,
    validateStatus: null,
  }) as const;

/** Aborts a probe when its time is over or when `stop` is aborted. Removes its listener from `stop` afterwards. */
export class ProbeTimer {
  private readonly controller = new AbortController();
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;
  private readonly abort = (): void => this.controller.abort();

  constructor(
    timeoutMs: number,
    private readonly stop: AbortSignal,
  ) {
    this.timer = setTimeout(this.abort, timeoutMs);
    stop.addEventListener('abort', this.abort);
    if (stop.aborted) this.abort();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Whether the probe was aborted; a failure after that is not the worker's. */
  get isOver(): boolean {
    return this.controller.signal.aborted;
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  clear(): void {
    clearTimeout(this.timer);
    this.stop.removeEventListener('abort', this.abort);
  }
}

/** Codes of a connection that was made and then broke; with all others it was never made. */
const AFTER_CONNECTING = /^(EPIPE|ECONNRESET)$/;
/** Codes of Node.js's HTTP parser. */
const NOT_HTTP = /^HPE_/;

/** Describes what failed between this service and `host` (host:port), as failed requests do. */
export function describeFailure(error: unknown, host: string, hasAnswered = false): string {
  const cause = rootOf(error);
  const code = codeOf(cause);
  if (code === 'HPE_HEADER_OVERFLOW') return `${host} sent more than 16 KiB of headers`;
  // The parser's message never quotes the bytes, so only its code helps.
  if (NOT_HTTP.test(code)) return `${host} sent an answer that is not HTTP/1.1 (${code})`;
  const [, opensslReason] = /:SSL routines:[^:]*:([^:]+):/.exec(cause.message) ?? [];
  if (opensslReason !== undefined) return `no TLS connection to ${host}: ${opensslReason}`;
  const isConnecting = 'syscall' in cause && cause.syscall === 'connect';
  const sent = hasAnswered || (AFTER_CONNECTING.test(code) && !isConnecting);
  return classifyFailure(cause, { host, sent, answerBegan: hasAnswered }).message;
}

/** Errors of sockets, name resolution and TLS carry a code; after the answer began, or if it is no HTTP, the answer failed. */
export function probeFailureOf(error: unknown, hasAnswered: boolean): ProbeFailure {
  const code = codeOf(rootOf(error));
  return hasAnswered || code === '' || NOT_HTTP.test(code) ? 'answer' : 'connection';
}

/** Errors of this machine and its network, of connect(2) and getaddrinfo(3): no server has answered. */
const OF_NETWORK =
  /^(EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM|EMFILE|ENFILE|ETIMEDOUT|EAI_AGAIN)$/;

/** Whether this replica's settings forbade the probe, or its network may have. */
export function ownFaultOf(error: unknown): OwnFault | null {
  const cause = rootOf(error);
  if (cause instanceof ForbiddenUpstreamError || cause instanceof SecretMissingError) return 'settings';
  if (error instanceof UpstreamError && error.kind === 'connect_timeout') return 'network';
  return OF_NETWORK.test(codeOf(cause)) ? 'network' : null;
}

function codeOf(cause: Error): string {
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

/** The error of Node.js that axios wraps. */
function rootOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const isWrapped = 'isAxiosError' in error || error instanceof UpstreamError;
  return isWrapped && error.cause instanceof Error ? error.cause : error;
}
