import type { Policy } from './policy.js';
import { cheaperOfTwo } from './picking.js';

/** The latency of a worker that has not answered yet: it is tried soon, but not at any load. */
const SOME_MS = 1;

/** Picks, of two at random, the one that would finish its requests and this one sooner at its recent latency. [Finagle] */
export const peakEwma: Policy<null> = {
  start: null,
  pick(candidates, memory, random) {
    const index = cheaperOfTwo(
      candidates,
      {
        idle: ({ peakLatencyMs }) => Math.max(SOME_MS, peakLatencyMs),
        busy: ({ inFlight, weight, peakLatencyMs }) =>
          (Math.max(SOME_MS, peakLatencyMs) * (inFlight + 1)) / weight,
      },
      random,
    );
    return { index, memory };
  },
};
