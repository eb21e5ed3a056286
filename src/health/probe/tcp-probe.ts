import { once } from 'node:events';
import { connect } from 'node:net';
import type { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { describeFailure, ownFaultOf, ProbeTimer } from './probe-connection.js';
import type { ProbeTarget } from './probe-target.js';
import { failed, isPublicAddress, type ProbeResult, succeeded } from './probe-result.js';

type TcpTarget = Extract<ProbeTarget, { kind: 'tcp' }>;

/** Succeeds when the worker accepts a connection. Never throws. */
export async function probeTcp(
  target: TcpTarget,
  guard: UpstreamGuard,
  stop: AbortSignal,
): Promise<ProbeResult> {
  const { host, port, timeoutMs } = target;
  const name = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const timer = new ProbeTimer(timeoutMs, stop);
  try {
    // Node.js calls `lookup` for names only, not for addresses.
    guard.checkHost(host);
    const socket = connect({ host, port, lookup: guard.lookup });
    try {
      await once(socket, 'connect', { signal: timer.signal });
      const ms = timer.elapsedMs;
      const detail = `${name} accepted a connection in ${Math.round(ms)} ms`;
      return succeeded(detail, ms, isPublicAddress(socket.remoteAddress));
    } finally {
      socket.on('error', () => {}).destroy();
    }
  } catch (error) {
    const detail = timer.isOver
      ? `${name} did not accept a connection within ${timeoutMs} ms`
      : describeFailure(error, name);
    const ownFault = timer.isOver ? 'network' : ownFaultOf(error);
    return failed('connection', detail, timer.elapsedMs, false, ownFault);
  } finally {
    timer.clear();
  }
}
