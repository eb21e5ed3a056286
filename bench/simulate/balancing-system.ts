import type { Answer, Request } from './traffic.js';
import type { CallResult } from './simulated-worker.js';

/** What stands between callers and workers. */
export interface BalancingSystem {
  /** Answers once. */
  handle(request: Request, answer: (answer: Answer) => void): void;
}

/** Sends to a worker, and counts that it was sent. */
export type Send = (worker: number, request: Request, end: (ending: CallResult) => void) => void;
