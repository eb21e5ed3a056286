import { once } from 'node:events';
import { connect } from 'node:net';
import type { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { describeFailure } from './connection-failure.js';
import type { ProbeTarget } from './probe-target.js';
import { ProbeTimer } from './probe-timer.js';
import { isPublicAddress } from './public-address.js';
import { type Sighting, wentWell, wentWrong } from './sighting.js';

type TcpTarget = Extract<ProbeTarget, { kind: 'tcp' }>;

/** Well if it accepts a connection. Never throws. */
export async function probeTcp(
  target: TcpTarget,
  guard: UpstreamGuard,
  stop: AbortSignal,
): Promise<Sighting> {
  const { host, port, timeoutMs } = target;
  const name = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const timer = new ProbeTimer(timeoutMs, stop);
  try {
    // Node.js asks `lookup` about names only.
    guard.checkHost(host);
    const socket = connect({ host, port, lookup: guard.lookup });
    try {
      await once(socket, 'connect', { signal: timer.signal });
      const ms = timer.elapsedMs;
      const detail = `${name} accepted a connection in ${Math.round(ms)} ms`;
      return wentWell(detail, ms, isPublicAddress(socket.remoteAddress));
    } finally {
      socket.on('error', () => {}).destroy();
    }
  } catch (error) {
    const detail = timer.over
      ? `${name} did not accept a connection within ${timeoutMs} ms`
      : describeFailure(error, name);
    return wentWrong(detail, timer.elapsedMs);
  } finally {
    timer.clear();
  }
}
