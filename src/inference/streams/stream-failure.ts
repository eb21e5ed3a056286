import { messageForClient } from '../../upstream/failure.js';
import { statusInStream } from '../../upstream/upstream-errors.js';

/** What the last event of a failed stream says. */
export interface StreamFailure {
  /** The status that a whole answer would have. */
  readonly status: number;
  readonly message: string;
  /** OpenAI's `error.code`. */
  readonly code: string | null;
  /** The request has more tokens than the model takes. */
  readonly isTooLong: boolean;
}

/** No answer began, and the client has received status 200 already, since it was kept waiting by comments. */
export class FailedWhileHeldError extends Error {
  constructor(readonly failure: Omit<StreamFailure, 'isTooLong'> & Partial<StreamFailure>) {
    super(failure.message);
  }
}

/** The failure of a stream, as its client may read it. */
export function streamFailureOf(error: unknown): StreamFailure {
  return error instanceof FailedWhileHeldError
    ? { isTooLong: false, ...error.failure }
    : { status: statusInStream(error), message: messageForClient(error), code: null, isTooLong: false };
}
