import type { ErrorType } from './error-type.js';

/** The facts of a request, collected on its way for its log line and its metrics. */
export interface RequestFacts {
  /** A registered model; never an unknown name of a client, or labels would be unbounded. */
  model: string | null;
  workerId: string | null;
  attempts: number;
  /** The fallback that answered instead of `model`. */
  fallbackModel: string | null;
  /** Time in queues for a worker; `null`: none. */
  queueMs: number | null;
  upstreamMs: number | null;
  /** Time from the arrival of the request to the first event of a stream; `null`: none was sent. */
  firstEventMs: number | null;
  /** As reported by the worker; `null`: not reported. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** Fields of the request that the worker had no place for; `null`: none. */
  ignored: readonly string[] | null;
  errorType: ErrorType | null;
  /** What the client does not read of the error: the worker's address and the cause. */
  errorDetail: string | null;
}

export function newFacts(): RequestFacts {
  return {
    model: null,
    workerId: null,
    attempts: 0,
    fallbackModel: null,
    queueMs: null,
    upstreamMs: null,
    firstEventMs: null,
    inputTokens: null,
    outputTokens: null,
    ignored: null,
    errorType: null,
    errorDetail: null,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    facts: RequestFacts;
  }
}
