import { classifyFailure } from '../../upstream/classify-failure.js';

/** Ends a probe when its time is up, or when `stop` says so, and keeps no hold on `stop` afterwards. */
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

  /** Whether it was ended before its time; a failure after that says nothing of the worker. */
  get over(): boolean {
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

/** Codes of a connection that was made and then broke; with the others it never came about. */
const AFTER_CONNECTING = /^(EPIPE|ECONNRESET)$/;

/** What went wrong between us and `host` (host:port), in the words that failed requests use too. */
export function describeFailure(error: unknown, host: string, answerBegan = false): string {
  const cause = rootOf(error);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (code === 'HPE_HEADER_OVERFLOW') return `${host} sent more than 16 KiB of headers`;
  // What the HTTP parser of Node.js says; its message never quotes the bytes.
  if (code.startsWith('HPE_')) return `${host} answered something that is no HTTP/1.1 (${code})`;
  const [, opensslReason] = /:SSL routines:[^:]*:([^:]+):/.exec(cause.message) ?? [];
  if (opensslReason !== undefined) return `no TLS connection to ${host}: ${opensslReason}`;
  const connecting = 'syscall' in cause && cause.syscall === 'connect';
  const sent = answerBegan || (AFTER_CONNECTING.test(code) && !connecting);
  return classifyFailure(cause, { host, sent, answerBegan }).message;
}

/** axios wraps what Node.js said. */
function rootOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return 'isAxiosError' in error && error.cause instanceof Error ? error.cause : error;
}
