import type { TimeoutPhase } from './upstream-errors.js';

/** Any number of milliseconds; null means that only the total counts. */
export interface UpstreamTimeouts {
  /** From the call to a connection that takes the request, DNS and TLS included. */
  readonly connectMs: number;
  /** From the request's last byte to the first byte of the answer's body: servers send headers before they think. */
  readonly firstByteMs: number | null;
  /** Between two pieces of the body. */
  readonly idleMs: number | null;
  /** The whole, connecting included. */
  readonly totalMs: number;
}

/** When each step of an exchange happened, on a monotonic clock in milliseconds; null: not yet. */
export interface Progress {
  readonly calledAt: number;
  readonly sentAt: number | null;
  readonly lastByteAt: number | null;
}

export interface NextTimeout {
  readonly at: number;
  readonly during: TimeoutPhase;
}

/** The wait that will run out first if nothing happens. */
export function nextTimeout(
  { calledAt, sentAt, lastByteAt }: Progress,
  timeouts: UpstreamTimeouts,
): NextTimeout {
  const total: NextTimeout = { at: calledAt + timeouts.totalMs, during: 'total' };
  const step = stepDeadline();
  return step !== null && step.at < total.at ? step : total;

  function stepDeadline(): NextTimeout | null {
    if (sentAt === null) return { at: calledAt + timeouts.connectMs, during: 'connect' };
    if (lastByteAt === null) {
      return timeouts.firstByteMs === null
        ? null
        : { at: sentAt + timeouts.firstByteMs, during: 'first_byte' };
    }
    return timeouts.idleMs === null ? null : { at: lastByteAt + timeouts.idleMs, during: 'idle' };
  }
}

/** What to say of an upstream whose wait ran out. */
export const timeoutMessages: Readonly<Record<TimeoutPhase, (timeouts: UpstreamTimeouts) => string>> = {
  connect: ({ connectMs }) => `did not accept a connection within ${connectMs} ms`,
  first_byte: ({ firstByteMs }) => `sent nothing within ${firstByteMs} ms`,
  idle: ({ idleMs }) => `fell silent for ${idleMs} ms in the middle of its answer`,
  total: ({ totalMs }) => `was not done within ${totalMs} ms`,
};
