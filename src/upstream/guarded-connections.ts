import http from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { UpstreamGuard } from './upstream-guard.js';

export interface GuardedAgents {
  readonly httpAgent: http.Agent;
  readonly httpsAgent: https.Agent;
}

type CreateConnection = http.Agent['createConnection'];

/**
 * Agents for axios on the control side. The calls must also say `proxy: false, maxRedirects: 0`: axios reads
 * proxies from the environment, and a redirect leads to an unchecked address.
 */
export function guardedAgents(guard: UpstreamGuard): GuardedAgents {
  const httpAgent = new http.Agent();
  const httpsAgent = new https.Agent();
  httpAgent.createConnection = guarded(httpAgent.createConnection.bind(httpAgent), guard);
  httpsAgent.createConnection = guarded(httpsAgent.createConnection.bind(httpsAgent), guard);
  return { httpAgent, httpsAgent };
}

function guarded(connect: CreateConnection, guard: UpstreamGuard): CreateConnection {
  return (options, callback) => {
    try {
      guard.checkHost(options.host ?? 'localhost');
    } catch (error) {
      // Reported like any failure to connect: a throw here could surface in an event handler.
      const refused = new Socket();
      process.nextTick(() => callback?.(error instanceof Error ? error : new Error(String(error)), refused));
      return undefined;
    }
    return connect({ ...options, lookup: guard.lookup }, callback);
  };
}

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
