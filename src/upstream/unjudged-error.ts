import { UpstreamError } from './upstream-error.js';

/** An answer that cannot be used and says nothing about its worker's health: the same worker may serve the next request. */
export class UnjudgedError extends UpstreamError {
  constructor(message: string, options?: ErrorOptions) {
    super('malformed', message, { answerBegan: true, cause: options?.cause });
  }
}
