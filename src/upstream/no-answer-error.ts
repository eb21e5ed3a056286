import { UpstreamStatusError } from './upstream-status-error.js';

/** The upstream says success, and what came is no answer: an error, a web page, nothing. */
export class NoAnswerError extends UpstreamStatusError {
  /** @param status that would have said so */
  constructor(status: number, why: string) {
    super(status, undefined);
    this.message = why;
  }
}
