import type { FastifyReply } from 'fastify';
import type { WorkerCandidate } from '../../balancing/pick-request.js';
import type { RequestFacts } from '../../telemetry/request-facts.js';
import { errorTypeOf } from '../../upstream/failure.js';

/** Requests an explanation with the value `1`, and carries it in a whole answer. */
export const EXPLAIN_HEADER = 'x-mmm-explain';

/** Clients bound the headers of an answer, Node at 16 KiB: https://nodejs.org/api/cli.html#--max-http-header-sizesize */
const MOST_CANDIDATES = 20;

interface ExplainedAttempt {
  readonly worker: string;
  readonly fromMs: number;
  toMs: number | null;
  /** `ok`, `cut`, or the type of the error. */
  outcome: string;
}

/** How a request was served: what was picked, from what, and how each attempt went. */
export class Explanation {
  private readonly attempts: ExplainedAttempt[] = [];
  private candidates: readonly WorkerCandidate[] = [];

  /** @param arrivedMs on the clock of `performance.now()` */
  constructor(private readonly arrivedMs: number) {}

  /**
   * Follows one attempt. @param candidates the workers of the model as they were when this one was picked
   * @param isCut whether it was aborted to make room for another request
   */
  async follow<T>(
    worker: string,
    candidates: readonly WorkerCandidate[],
    delivery: Promise<T>,
    isCut: () => boolean,
  ): Promise<T> {
    if (this.attempts.length === 0) this.candidates = candidates.slice(0, MOST_CANDIDATES);
    const attempt: ExplainedAttempt = { worker, fromMs: this.sinceArrival(), toMs: null, outcome: 'ok' };
    this.attempts.push(attempt);
    try {
      return await delivery;
    } catch (error) {
      attempt.outcome = isCut() ? 'cut' : errorTypeOf(error);
      throw error;
    } finally {
      attempt.toMs = this.sinceArrival();
    }
  }

  /** All that is known so far. Times are in milliseconds since the request arrived. Letters are ASCII, as headers need. */
  text(facts: Pick<RequestFacts, 'queueMs' | 'firstEventMs' | 'errorType'>): string {
    const last = this.attempts.at(-1);
    return JSON.stringify({
      waited_ms: Math.round(facts.queueMs ?? 0),
      attempts: this.attempts.map((attempt) => ({
        worker: attempt.worker,
        from_ms: attempt.fromMs,
        first_token_ms:
          attempt === last && facts.firstEventMs !== null ? Math.round(facts.firstEventMs) : null,
        to_ms: attempt.toMs ?? this.sinceArrival(),
        outcome: attempt === last && attempt.toMs === null ? (facts.errorType ?? 'ok') : attempt.outcome,
      })),
      candidates: this.candidates.map(({ id, running, why }) => ({ worker: id, running, why_not: why })),
    }).replaceAll(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }

  private sinceArrival(): number {
    return Math.round(performance.now() - this.arrivedMs);
  }
}

/** Adds the explanation to the headers of a whole answer or an error, if the client wants one. */
export function showExplanation(reply: FastifyReply): void {
  const { facts } = reply.request;
  if (facts.explanation !== null) reply.header(EXPLAIN_HEADER, facts.explanation.text(facts));
}

/** The explanation as a comment at the end of a stream; '' without one. */
export function explanationComment({ request: { facts } }: FastifyReply): string {
  return facts.explanation === null ? '' : `: mmm ${facts.explanation.text(facts)}\n\n`;
}
