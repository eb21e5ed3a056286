import type { Server, ServerResponse } from 'node:http';

/** A connection that has asked nothing yet may be about to ask: it is given this long. */
const UNASKED_MS = 2_000;
const LOOK_MS = 50;

/** The requests a server has running: what a stop waits for. */
export class RunningRequests {
  private readonly responses = new Set<ServerResponse>();

  constructor(private readonly server: Server) {
    server.on('request', (_request, response: ServerResponse) => {
      this.responses.add(response);
      response.once('close', () => this.responses.delete(response));
    });
  }

  /** Their connections are not kept for another request. */
  tellToClose(): void {
    for (const response of this.responses) {
      if (!response.headersSent) response.setHeader('connection', 'close');
    }
  }

  /**
   * Once a server closes, Node waits for its connections and no longer minds their timeouts: one that falls idle late,
   * or on which nothing was ever asked, would hold it up for as long as its client likes.
   * @returns stops this
   */
  closeWhatIsIdle(): () => void {
    let quietSince = performance.now();
    const looking = setInterval(() => {
      this.server.closeIdleConnections();
      if (this.responses.size > 0) quietSince = performance.now();
      else if (performance.now() - quietSince > UNASKED_MS) this.server.closeAllConnections();
    }, LOOK_MS);
    return () => clearInterval(looking);
  }
}

/**
 * Nobody waits any more once an answer is written whole, and TCP would keep what its reader does not take for ever. A reader
 * who takes nothing of it for `stalledMs` is cut off; one who is slow is not.
 */
export function limitStalledWrites(server: Server, stalledMs: number): void {
  server.on('request', (_request, response: ServerResponse) => {
    response.once('prefinish', () => {
      if (response.writableLength > 0) response.setTimeout(stalledMs);
    });
  });
}
