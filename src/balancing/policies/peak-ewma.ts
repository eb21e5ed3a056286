import type { Candidate, Policy } from './policy.js';
import { cheaperOfTwo } from './picking.js';

/** The latency of a worker that has not answered yet: it is tried soon, but not at any load. */
const SOME_MS = 1;

const latency = ({ peakLatencyMs }: Candidate): number => Math.max(SOME_MS, peakLatencyMs);
const latencyOfAll = (candidate: Candidate): number =>
  (latency(candidate) * (candidate.inFlight + 1)) / candidate.weight;

/** Picks, of two at random, the one that would finish its requests and this one sooner at its recent latency. [Finagle] */
export const peakEwma: Policy<null> = {
  start: null,
  cost: latencyOfAll,
  pick(candidates, memory, random) {
    const index = cheaperOfTwo(candidates, { idle: latency, busy: latencyOfAll }, random);
    return { index, memory };
  },
};
