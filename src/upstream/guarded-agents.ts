import http from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import type { UpstreamGuard } from './upstream-guard.js';

export interface GuardedAgents {
  readonly httpAgent: http.Agent;
  readonly httpsAgent: https.Agent;
}

type CreateConnection = http.Agent['createConnection'];

/**
 * Agents for axios on the control side. The calls must also say `proxy: false, maxRedirects: 0`: axios reads
 * proxies from the environment, and a redirect leads where nobody looked.
 */
export function guardedAgents(guard: UpstreamGuard): GuardedAgents {
  const httpAgent = new http.Agent();
  const httpsAgent = new https.Agent();
  httpAgent.createConnection = guarded(httpAgent.createConnection.bind(httpAgent), guard);
  httpsAgent.createConnection = guarded(httpsAgent.createConnection.bind(httpsAgent), guard);
  return { httpAgent, httpsAgent };
}

const guarded =
  (connect: CreateConnection, guard: UpstreamGuard): CreateConnection =>
  (options, callback) => {
    try {
      guard.checkHost(options.host ?? 'localhost');
    } catch (error) {
      // Through the socket, as every other failure to connect: a throw here could surface in an event handler.
      const refused = new Socket();
      process.nextTick(() => callback?.(error instanceof Error ? error : new Error(String(error)), refused));
      return undefined;
    }
    return connect({ ...options, lookup: guard.lookup }, callback);
  };
