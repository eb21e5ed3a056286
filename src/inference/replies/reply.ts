import type { ChatAnswer, ChatEvent } from '../chat/chat.js';
import type { RefusedError } from '../walk/refused-error.js';

/** What an answer's headers tell about how it came to be. */
export interface AnswerFacts {
  readonly workerId: string;
  /** The model that answered: the one that was asked for, or a fallback of it. */
  readonly model: string;
  /** Workers that were asked, the one that answered included. */
  readonly attempts: number;
  /** The upstream's share of the time so far. */
  readonly upstreamMs: number;
}

/** An answer that goes back piece by piece. Ended or failed once, last. */
export interface AnswerPieces {
  /** @returns false: the caller is slow; no more until `resume` was called */
  event(event: ChatEvent): boolean;
  end(): void;
  /** It broke off, and the caller must see that it did. */
  fail(error: unknown): void;
}

/** How an answer goes back to the caller, in the manner of the API he used. */
export interface Reply {
  /** Something of an answer was sent: nobody else may answer now. */
  readonly hasBegun: boolean;
  /** The caller wants it in pieces. */
  readonly isStream: boolean;
  /** An answer that came whole, in pieces too if the caller wants them. @throws ProtocolError for one that is none of the kind */
  relay(answer: ChatAnswer, facts: AnswerFacts): void;
  /** @param resume called when the caller can take more */
  begin(facts: AnswerFacts, resume: () => void): AnswerPieces;
  /** Tells the caller, in the words of his API, why a worker refused. @returns false: it is not his to hear */
  refuse?(error: RefusedError): boolean;
}
