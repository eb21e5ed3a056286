import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ListenError } from './listen-error.js';
import { limitStalledWrites, RunningRequests } from './server-connections.js';

/** How long running requests of the management API may take while the service stops; they take milliseconds. */
const LONGEST_FAREWELL_MS = 5_000;

const arrivedHere = new WeakSet<IncomingMessage>();

/** Whether a request came in by ADMIN_PORT. */
export function isOnAdminPort(request: IncomingMessage): boolean {
  return arrivedHere.has(request);
}

/**
 * All routes of the service, on a port that no ingress sees. With it, the port of clients serves inference, jobs, lists of
 * models and probes only.
 */
export class AdminServer {
  private constructor(
    private readonly server: Server,
    private readonly running: RunningRequests,
  ) {}

  /** Call when the application is ready. @throws ListenError */
  static async listen(
    app: NestFastifyApplication,
    host: string,
    port: number,
    stalledMs: number,
  ): Promise<AdminServer> {
    const fastify = app.getHttpAdapter().getInstance();
    const { headersTimeout, keepAliveTimeout, requestTimeout } = fastify.server;
    const server = createServer({ headersTimeout, keepAliveTimeout, requestTimeout }, (request, response) => {
      arrivedHere.add(request);
      fastify.routing(request, response);
    });
    limitStalledWrites(server, stalledMs);
    const running = new RunningRequests(server);
    try {
      server.listen(port, host);
      await once(server, 'listening');
    } catch (error) {
      throw new ListenError(host, port, error, 'ADMIN_PORT');
    }
    return new AdminServer(server, running);
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Refuses connections, and lets running requests finish. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.running.closeAfterResponse();
    const stopClosing = this.running.closeWhatIsIdle();
    await Promise.race([closed, sleep(LONGEST_FAREWELL_MS, undefined, { ref: false })]);
    stopClosing();
    this.server.closeAllConnections();
  }
}
