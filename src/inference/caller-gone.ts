import type { ServerResponse } from 'node:http';

/** Fires when the caller hangs up before his answer was written. */
export function callerGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
