import type { ErrorType } from './error-type.js';

/** The facts of a request, collected on its way for its log line and its metrics. */
export interface RequestFacts {
  /** When its head had come, on the clock of `performance.now()`. */
  readonly startedMs: number;
  /** A registered model; never an unknown name of a client, or labels would be unbounded. */
  model: string | null;
  workerId: string | null;
  attempts: number;
  /** The fallback that answered instead of `model`. */
  fallbackModel: string | null;
  /** Time in queues for a worker; `null`: none. */
  queueMs: number | null;
  /** Of this, the time in which it waited for a worker that was asleep; `null`: none. */
  wokeMs: number | null;
  /** How often it was cut to make room for another request; only bulk is. */
  cuts: number;
  upstreamMs: number | null;
  /** Time from the arrival of the request to the first event of a stream; `null`: none was sent. */
  firstEventMs: number | null;
  /** As reported by the worker; `null`: not reported. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** Part of the input that the worker has read from its cache. */
  cachedTokens: number | null;
  /** The answer's size in tokens, as far as it came, by its events or its length; 0: none came. */
  answerTokens: number;
  /** Images that were made; `null`: it makes none. */
  images: number | null;
  /** Seconds of video or audio that were made; `null`: unknown, or none. */
  seconds: number | null;
  /** A worker rejected the request itself: the caller's fault, though the worker's error. */
  isRejected: boolean;
  /** The request made a job, or found one: the job is counted when it ends. */
  isJob: boolean;
  /** The call to workers goes on, maybe after the client has left. */
  isRunning: boolean;
  /** Called when the call has ended, if that is after the response. */
  whenEnded: (() => void) | null;
  /** Fields of the request that the worker had no place for; `null`: none. */
  ignored: readonly string[] | null;
  /** How the request was served, for a client that wants to know; `null`: it does not. */
  explanation: { text(facts: RequestFacts): string } | null;
  errorType: ErrorType | null;
  /** What the client does not read of the error: the worker's address and the cause. */
  errorDetail: string | null;
}

export function newFacts(): RequestFacts {
  return {
    startedMs: performance.now(),
    model: null,
    workerId: null,
    attempts: 0,
    fallbackModel: null,
    queueMs: null,
    wokeMs: null,
    cuts: 0,
    upstreamMs: null,
    firstEventMs: null,
    inputTokens: null,
    outputTokens: null,
    cachedTokens: null,
    answerTokens: 0,
    images: null,
    seconds: null,
    isRejected: false,
    isJob: false,
    isRunning: false,
    whenEnded: null,
    ignored: null,
    explanation: null,
    errorType: null,
    errorDetail: null,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    facts: RequestFacts;
  }
}
