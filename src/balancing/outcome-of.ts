import { UnsuccessfulAnswerError } from '../registry/registry-errors.js';
import { ExtractError } from '../template/response-extract.js';
import { UnjudgedError } from '../upstream/unjudged-error.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { UpstreamStatusError } from '../upstream/upstream-status-error.js';
import type { Outcome } from './standing/outcome.js';

/** What an error tells of the worker that was asked. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof UnjudgedError) return { kind: 'no_verdict' };
  if (error instanceof UpstreamStatusError) return outcomeOfStatus(error);
  if (error instanceof UpstreamError) return outcomeOfExchange(error);
  if (error instanceof ExtractError || error instanceof UnsuccessfulAnswerError) return { kind: 'failure' };
  // It was never asked: the caller's value did not fit, a secret is missing, or the fault is our own.
  return { kind: 'no_verdict' };
}

function outcomeOfStatus({ status, retryAfterMs }: UpstreamStatusError): Outcome {
  // Anthropic is overloaded, and up: https://platform.claude.com/docs/en/api/errors
  if (status === 529) return { kind: 'busy', retryAfterMs };
  if (status === 429 || (status === 503 && retryAfterMs !== null)) return { kind: 'busy', retryAfterMs };
  if (status === 401 || status === 402 || status === 403) return { kind: 'credentials' };
  return { kind: status >= 400 && status < 500 ? 'caller_fault' : 'failure' };
}

function outcomeOfExchange(error: UpstreamError): Outcome {
  switch (error.kind) {
    case 'connect':
    case 'forbidden':
      return { kind: 'connect_error' };
    case 'timeout':
      if (error.during === 'connect') return { kind: 'connect_error' };
      return { kind: error.during === 'total' ? 'timeout' : 'failure' };
    case 'closed_before_answer':
      // A connection kept too long says nothing of the server behind it.
      return { kind: error.reusedConnection ? 'no_verdict' : 'failure' };
    case 'broken':
      return { kind: 'failure' };
    case 'malformed':
      return { kind: error.answerBegan ? 'failure' : 'no_verdict' };
    case 'too_large':
      return { kind: 'caller_fault' };
    case 'aborted':
      return { kind: 'no_verdict' };
  }
}
