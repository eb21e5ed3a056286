/** Any number of milliseconds; null: only the total counts. */
export interface UpstreamTimeouts {
  /** From the call to a connection that takes the request, DNS and TLS included. */
  readonly connectMs: number;
  /** From the request's last byte to the first byte of the response's body: servers send headers before they compute. */
  readonly firstByteMs: number | null;
  /** Between two chunks of the body. */
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

export type TimeoutKind = 'connect_timeout' | 'first_byte_timeout' | 'idle_timeout' | 'total_timeout';

export interface NextTimeout {
  readonly at: number;
  readonly kind: TimeoutKind;
}

/** The timeout that expires first if nothing happens. */
export function nextTimeout(
  { calledAt, sentAt, lastByteAt }: Progress,
  timeouts: UpstreamTimeouts,
): NextTimeout {
  const total: NextTimeout = { at: calledAt + timeouts.totalMs, kind: 'total_timeout' };
  const step = stepTimeout();
  return step !== null && step.at < total.at ? step : total;

  function stepTimeout(): NextTimeout | null {
    if (sentAt === null) return { at: calledAt + timeouts.connectMs, kind: 'connect_timeout' };
    if (lastByteAt === null) {
      return timeouts.firstByteMs === null
        ? null
        : { at: sentAt + timeouts.firstByteMs, kind: 'first_byte_timeout' };
    }
    return timeouts.idleMs === null ? null : { at: lastByteAt + timeouts.idleMs, kind: 'idle_timeout' };
  }
}

/** The end of a message that begins with the upstream's host. */
export const timeoutMessages: Readonly<Record<TimeoutKind, (timeouts: UpstreamTimeouts) => string>> = {
  connect_timeout: ({ connectMs }) => `did not accept a connection within ${connectMs} ms`,
  first_byte_timeout: ({ firstByteMs }) => `sent nothing within ${firstByteMs} ms`,
  idle_timeout: ({ idleMs }) => `fell silent for ${idleMs} ms in the middle of its answer`,
  total_timeout: ({ totalMs }) => `was not done within ${totalMs} ms`,
};
