import { LoadClient } from './load-client.js';
import type { LoadRequest, LoadResult } from './messages.js';
import { quantile } from './statistics.js';

/** Clients by target and concurrency. They are reused, so that no slice includes the time to connect. */
const clients = new Map<string, readonly LoadClient[]>();

/** The process of the load generator: receives a command and answers with its result. */
process.on('message', (request: LoadRequest) => {
  void run(request).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

/** Each connection calls in a closed loop. @throws Error at the first call that fails */
async function run({ target, concurrency, durationMs }: LoadRequest): Promise<LoadResult> {
  const key = `${concurrency} ${target.url} ${target.body} ${JSON.stringify(target.headers)}`;
  const own = clients.get(key) ?? Array.from({ length: concurrency }, () => new LoadClient(target));
  clients.set(key, own);
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  await Promise.all(own.map((client) => client.callUntil(startedMs + durationMs, latenciesMs)));
  return {
    requests: latenciesMs.length,
    perSecond: (latenciesMs.length / (performance.now() - startedMs)) * 1000,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
}
