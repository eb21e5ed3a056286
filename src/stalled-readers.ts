import type { Server, ServerResponse } from 'node:http';

/**
 * Nobody waits any more once an answer is written whole, and TCP would keep what its reader does not take for ever. A reader
 * who takes nothing of it for `stalledMs` is cut off; one who is slow is not.
 */
export function cutWhoStopsReading(server: Server, stalledMs: number): void {
  server.on('request', (_request, response: ServerResponse) => {
    response.once('prefinish', () => {
      if (response.writableLength > 0) response.setTimeout(stalledMs);
    });
  });
}
