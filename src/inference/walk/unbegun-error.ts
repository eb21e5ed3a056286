import { UnjudgedError } from '../../upstream/unjudged-error.js';
import { UpstreamError } from '../../upstream/upstream-error.js';

/** A stream failed before it held anything of an answer: another worker may be asked, as after a 502. */
export class UnbegunError extends UpstreamError {
  constructor(error: UpstreamError) {
    super(error.kind, error.message, { answerBegan: error.answerBegan, cause: error });
  }
}

/** The error of a stream that held nothing yet. What the whole answer would fail by elsewhere, too, stays what it is. */
export function beforeAnyPiece(error: unknown): unknown {
  if (!(error instanceof UpstreamError) || error instanceof UnjudgedError) return error;
  return error.kind === 'malformed' || error.kind === 'broken' ? new UnbegunError(error) : error;
}
