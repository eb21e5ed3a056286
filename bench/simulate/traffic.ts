import type { CallResult } from './simulated-worker.js';
import type { SimulationTime } from './virtual-time.js';

/** A request of a client. It is the same in every run of one seed, whichever system balances. */
export interface Request {
  readonly arrivedMs: number;
  /** The duration at an idle worker of normal speed. */
  readonly workMs: number;
  /** Tokens of the answer. */
  readonly tokens: number;
  /** Index of the replica that receives it. */
  readonly replica: number;
  /** The affinity key of its client's session. */
  readonly affinityKey: string;
}

/** How a request ended for its client. */
export type Answer = 'served' | 'error' | 'turned_away';

/** A system between clients and workers. */
export interface BalancingSystem {
  /** Answers the client, once. */
  handle(request: Request, answer: (answer: Answer) => void): void;
}

/** Sends to a worker and records the attempt. */
export type Send = (worker: number, request: Request, end: (result: CallResult) => void) => void;

const MEAN_WORK_MS = 1000;
const SIGMA = 1;
const MS_PER_TOKEN = 10;
const SESSIONS = 1000;

/** Poisson arrivals of lognormal work. */
export function arrive(
  time: SimulationTime,
  random: () => number,
  traffic: { readonly perSecond: number; readonly untilMs: number; readonly replicas: number },
  onRequest: (request: Request) => void,
): void {
  const next = (): void => {
    const gapMs = (-Math.log(1 - random()) / traffic.perSecond) * 1000;
    const workMs = MEAN_WORK_MS * Math.exp(SIGMA * normal(random) - SIGMA ** 2 / 2);
    const replica = Math.floor(random() * traffic.replicas);
    const affinityKey = `session ${Math.floor(random() * SESSIONS)}`;
    time.after(gapMs, () => {
      const arrivedMs = time.nowMs();
      if (arrivedMs >= traffic.untilMs) return;
      const tokens = Math.max(1, Math.round(workMs / MS_PER_TOKEN));
      onRequest({ arrivedMs, workMs, tokens, replica, affinityKey });
      next();
    });
  };
  next();
}

/** Box–Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
