import type { ErrorType } from './error-type.js';

/** What a request turned out to be, gathered on its way for its one log line and its metrics. */
export interface RequestFacts {
  /** As registered; never what a caller made up, or labels would have no bound. */
  model: string | null;
  workerId: string | null;
  attempts: number;
  upstreamMs: number | null;
  /** When the first event of a stream was sent, from when the request came; `null`: none was. */
  firstEventMs: number | null;
  /** As the worker counted them; `null`: it has not told. */
  inputTokens: number | null;
  outputTokens: number | null;
  errorType: ErrorType | null;
}

export function newFacts(): RequestFacts {
  return {
    model: null,
    workerId: null,
    attempts: 0,
    upstreamMs: null,
    firstEventMs: null,
    inputTokens: null,
    outputTokens: null,
    errorType: null,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    facts: RequestFacts;
  }
}
