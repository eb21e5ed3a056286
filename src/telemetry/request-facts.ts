import type { ErrorType } from './error-type.js';

/** What a request turned out to be, gathered on its way for its one log line and its metrics. */
export interface RequestFacts {
  /** As registered; never what a caller made up, or labels would have no bound. */
  model: string | null;
  workerId: string | null;
  attempts: number;
  upstreamMs: number | null;
  errorType: ErrorType | null;
}

export function newFacts(): RequestFacts {
  return { model: null, workerId: null, attempts: 0, upstreamMs: null, errorType: null };
}

declare module 'fastify' {
  interface FastifyRequest {
    facts: RequestFacts;
  }
}
