import type { Policy } from './policy.js';
import { cheaperOfTwo } from './picking.js';

/** Taken for one whose latency is not known yet: it is tried soon, and not at any price. */
const SOME_MS = 1;

/** Of two at random the one whose requests, this one added, would be done sooner at its latency of late. [Finagle] */
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
