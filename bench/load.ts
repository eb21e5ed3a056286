import { Caller } from './caller.js';
import type { LoadRequest, LoadResult } from './messages.js';
import { quantile } from './statistics.js';

/** By target and concurrency. They are kept, so that no slice pays for connecting. */
const callers = new Map<string, readonly Caller[]>();

/** The process of the load generator: takes a request for load, answers with its result. */
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
  const key = `${concurrency} ${target.url}`;
  const own = callers.get(key) ?? Array.from({ length: concurrency }, () => new Caller(target));
  callers.set(key, own);
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  await Promise.all(own.map((caller) => caller.callUntil(startedMs + durationMs, latenciesMs)));
  return {
    requests: latenciesMs.length,
    perSecond: (latenciesMs.length / (performance.now() - startedMs)) * 1000,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
}
