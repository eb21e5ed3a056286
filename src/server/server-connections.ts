import type { Server, ServerResponse } from 'node:http';

/** How long a connection without a request may stay open: its request may be on the way. */
const NO_REQUEST_MS = 2_000;
const LOOK_MS = 50;

/** The running requests of a server, which a shutdown waits for. */
export class RunningRequests {
  private readonly responses = new Set<ServerResponse>();

  constructor(private readonly server: Server) {
    server.on('request', (_request, response: ServerResponse) => {
      this.responses.add(response);
      // `once` would cost a wrapper and its removal, and it comes once anyway.
      response.on('close', () => this.responses.delete(response));
    });
  }

  /** Closes their connections after the response. */
  closeAfterResponse(): void {
    for (const response of this.responses) {
      if (!response.headersSent) response.setHeader('connection', 'close');
    }
  }

  /**
   * While a server closes, Node waits for its connections and ignores their timeouts: a client could hold up the shutdown
   * with a connection that becomes idle late or never had a request.
   * @returns a function that stops the task
   */
  closeWhatIsIdle(): () => void {
    let quietSince = performance.now();
    const looking = setInterval(() => {
      this.server.closeIdleConnections();
      if (this.responses.size > 0) quietSince = performance.now();
      else if (performance.now() - quietSince > NO_REQUEST_MS) this.server.closeAllConnections();
    }, LOOK_MS);
    return () => clearInterval(looking);
  }
}

/**
 * Once a response is fully written, no timeout applies, and TCP would keep unread data for ever. A client that reads
 * nothing for `stalledMs` is disconnected; a slow one is not.
 */
export function limitStalledWrites(server: Server, stalledMs: number): void {
  server.on('request', (_request, response: ServerResponse) => {
    response.on('prefinish', () => {
      if (response.writableLength > 0) response.setTimeout(stalledMs);
    });
  });
}
