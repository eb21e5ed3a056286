import { AsyncResource } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';

const LOOK_MS = 5_000;
/** Of the time since the last look: the event loop of a process without requests. */
const IDLE_SHARE = 0.1;

/**
 * Gives the memory back that the start used and nothing holds: about 40 MiB, which V8 keeps in a process that has no requests.
 * Takes about 50 ms, once, when the process is idle; one that never is collects its garbage anyway.
 */
export function collectStartGarbage(): void {
  keepShapeOfTicks();
  let last = performance.eventLoopUtilization();
  const looking = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    if (utilization > IDLE_SHARE) return;
    clearInterval(looking);
    void collectGarbage();
  }, LOOK_MS).unref();
}

/** The same as a profiler's button. A collection of `--expose-gc` does not shrink the space of new objects, 31 MiB. */
async function collectGarbage(): Promise<void> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}

/** Nothing reads them. */
const kept: object[] = [];

/**
 * Node makes an object with two computed keys for each `process.nextTick`. Where a collection finds none of them, V8 drops their
 * shape, and for the rest of the process adds these keys by a slow call: 0.3 to 0.5 µs a tick in place of 0.05, four ticks for each
 * chunk of a stream. One object of that shape keeps it. Later versions of Node add a key that a program cannot name: there it keeps
 * nothing. [nodejs/node v20, lib/internal/process/task_queues.js, nextTick]
 */
function keepShapeOfTicks(): void {
  const resource = new AsyncResource('shape', { requireManualDestroy: true });
  const [asyncId, triggerId] = Object.getOwnPropertySymbols(resource);
  if (asyncId === undefined || triggerId === undefined) return;
  const ids = resource as unknown as Readonly<Record<symbol, unknown>>;
  kept.push({
    [asyncId]: ids[asyncId],
    [triggerId]: ids[triggerId],
    callback: keepShapeOfTicks,
    args: undefined,
  });
}
