/**
 * Resolves with the first SIGTERM or SIGINT. Process 1 of a container has no default handlers: a signal that comes before
 * this is called is lost. So this file imports nothing, and main.ts calls it before it loads the service.
 */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}
