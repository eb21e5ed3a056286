import { buildConnector } from 'undici';
import type { UpstreamGuard } from './upstream-guard.js';

/** Connects where the guard allows, by address before connecting and by name after DNS. */
export function guardedConnector(guard: UpstreamGuard, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({
    timeout: timeoutMs,
    lookup: guard.lookup,
    autoSelectFamily: true,
    allowH2: false,
  });
  return (options, callback) => {
    try {
      guard.checkHost(options.hostname);
    } catch (error) {
      const refusal = error instanceof Error ? error : new Error(String(error));
      return queueMicrotask(() => callback(refusal, null));
    }
    return connect(options, callback);
  };
}
