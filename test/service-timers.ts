import { createHook } from 'node:async_hooks';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Tests run the built service. */
const SERVICE = join(import.meta.dirname, '../dist/src/');

export interface ServiceTimers {
  /** Timers that have neither fired for the last time nor been cleared. */
  readonly pending: () => number;
  /** A test that counts no timers checks nothing. */
  readonly everSet: () => number;
}

/** Counts the timers that the service's own code sets from now on, until the test ends. */
export function countServiceTimers(): ServiceTimers {
  const timers = new Set<number>();
  let everSet = 0;
  const hook = createHook({
    init(id, type) {
      if (type !== 'Timeout' || !isSetByService()) return;
      everSet += 1;
      timers.add(id);
    },
    destroy: (id) => void timers.delete(id),
  }).enable();
  onTestFinished(() => void hook.disable());
  return { pending: () => timers.size, everSet: () => everSet };
}

/** Sockets and libraries set timers too, and keep them as long as their connections. */
function isSetByService(): boolean {
  const frames = new Error('where').stack?.split('\n').slice(1) ?? [];
  const outside = frames.filter((frame) => !frame.includes('node:') && !frame.includes(import.meta.filename));
  return outside[0]?.includes(SERVICE) === true;
}
