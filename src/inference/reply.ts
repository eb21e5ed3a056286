/** What an answer's headers tell about how it came to be. */
export interface AnswerFacts {
  readonly workerId: string;
  /** The model that answered: the one that was asked for, or a fallback of it. */
  readonly model: string;
  /** Workers that were asked, the one that answered included. */
  readonly attempts: number;
  /** The upstream's share of the time. */
  readonly upstreamMs: number;
}

/** How an answer goes back to the caller, in the manner of the API he used. */
export interface Reply {
  relay(text: string, facts: AnswerFacts): void;
}
