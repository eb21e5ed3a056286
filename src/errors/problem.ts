import { HttpException } from '@nestjs/common';
import { ForeignOriginError, UnauthorizedError } from '../access/access-errors.js';
import { UnsupportedFieldError } from '../inference/chat/chat-errors.js';
import { UnsupportedTaskError } from '../inference/apis/unsupported-task-error.js';
import { NoWorkerAvailableError, UnknownModelError } from '../balancing/balancing-errors.js';
import { SecretMissingError } from '../credentials/worker-secrets.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { NoAnswerError } from '../upstream/upstream-errors.js';
import { UpstreamStatusError } from '../upstream/upstream-errors.js';
import { InvalidInputError, type InputFault } from '../input/input-errors.js';
import { PreconditionFailedError } from '../input/input-errors.js';
import { NoWorkerToRenewError, WorkerOfflineError } from '../registry/registry-errors.js';
import { NoSuchModelError } from '../registry/registry-errors.js';
import {
  NoSuchWorkerError,
  WorkerDisabledError,
  WorkerExistsError,
  WorkerNotFoundError,
} from '../registry/registry-errors.js';
import { UnsuccessfulAnswerError } from '../registry/registry-errors.js';
import { ExtractError } from '../template/response-extract.js';
import { RenderError, TemplateError } from '../template/template-error.js';
import { UpstreamError, type UpstreamErrorKind } from '../upstream/upstream-errors.js';
import type { ErrorType } from '../telemetry/error-type.js';

/** nginx's status for a caller that hung up; nobody reads it but the log. */
const CALLER_GONE = 499;

/** The one table from what went wrong to what HTTP says. */
export function problemOf(error: unknown): Problem {
  if (error instanceof InvalidInputError) {
    return {
      status: 400,
      errorType: 'caller_bad_request',
      code: null,
      message: error.message,
      details: error.details,
    };
  }
  if (error instanceof RenderError) {
    const details = [{ field: error.field, problem: error.problem }];
    return { status: 400, errorType: 'caller_bad_request', code: null, message: error.message, details };
  }
  if (error instanceof UnsupportedFieldError) {
    const details = [{ field: error.field, problem: error.problem }];
    return { status: 400, errorType: 'caller_bad_request', code: null, message: error.message, details };
  }
  if (error instanceof UnsupportedTaskError) return problem(400, 'caller_bad_request', error);
  if (error instanceof UnauthorizedError) {
    const headers = { 'www-authenticate': 'Bearer' };
    return {
      status: 401,
      errorType: 'caller_unauthorized',
      code: 'invalid_api_key',
      message: error.message,
      headers,
    };
  }
  if (error instanceof ForeignOriginError) return problem(403, 'caller_foreign_origin', error);
  if (error instanceof UnknownModelError) {
    return {
      status: 404,
      errorType: 'caller_unknown_model',
      code: 'model_not_found',
      message: error.message,
    };
  }
  if (error instanceof NoSuchModelError) return problem(404, 'caller_not_found', error);
  if (error instanceof NoWorkerToRenewError) return problem(404, 'caller_not_found', error);
  if (error instanceof WorkerOfflineError) return problem(409, 'caller_conflict', error);
  if (error instanceof NoSuchWorkerError || error instanceof WorkerNotFoundError)
    return problem(404, 'caller_not_found', error);
  if (error instanceof WorkerExistsError || error instanceof WorkerDisabledError)
    return problem(409, 'caller_conflict', error);
  if (error instanceof PreconditionFailedError) return problem(412, 'caller_conflict', error);
  if (error instanceof NoWorkerAvailableError)
    return problem(503, 'policy_no_worker', error, error.retryAfterS);
  if (error instanceof DatabaseUnavailableError)
    return problem(503, 'manager_database_unavailable', error, 5);
  if (error instanceof UpstreamError) return upstreamProblem(error);
  if (error instanceof UpstreamStatusError) return statusProblem(error);
  if (error instanceof ExtractError || error instanceof UnsuccessfulAnswerError) {
    return workerProblem(502, 'worker_bad_answer', error);
  }
  if (error instanceof SecretMissingError || error instanceof TemplateError) {
    return workerProblem(502, 'manager_misconfigured', error);
  }
  return frameworkProblem(error);
}

const KINDS: Readonly<Record<UpstreamErrorKind, readonly [number, ErrorType]>> = {
  connect: [502, 'worker_unreachable'],
  closed_before_answer: [502, 'worker_unreachable'],
  broken: [502, 'worker_bad_answer'],
  malformed: [502, 'worker_bad_answer'],
  too_large: [502, 'worker_bad_answer'],
  forbidden: [502, 'worker_unreachable'],
  timeout: [504, 'worker_timeout'],
  aborted: [CALLER_GONE, 'caller_gone'],
};

function upstreamProblem(error: UpstreamError): Problem {
  const [status, errorType] = KINDS[error.kind];
  return workerProblem(status, errorType, error);
}

function statusProblem(error: UpstreamStatusError): Problem {
  const rejected = error.status === 401 || error.status === 402 || error.status === 403;
  const otherwise = error instanceof NoAnswerError ? 'worker_bad_answer' : 'worker_error';
  return workerProblem(502, rejected ? 'worker_rejected_credentials' : otherwise, error);
}

function workerProblem(status: number, errorType: ErrorType, error: Error): Problem {
  return { status, errorType, code: null, message: `worker execute error: ${error.message}` };
}

function problem(status: number, errorType: ErrorType, error: Error, retryAfterS?: number): Problem {
  const base = { status, errorType, code: null, message: error.message };
  return retryAfterS === undefined ? base : { ...base, headers: { 'retry-after': String(retryAfterS) } };
}

/** What Nest and Fastify throw before a controller is reached; anything else is our own fault and says nothing. */
function frameworkProblem(error: unknown): Problem {
  const status = statusOf(error);
  const message = error instanceof Error ? error.message : '';
  switch (status) {
    case 400:
      return {
        status,
        errorType: 'caller_bad_request',
        code: null,
        message: `the request cannot be read: ${message}`,
      };
    case 404:
      return {
        status,
        errorType: 'caller_not_found',
        code: null,
        message: 'there is no such path here; /docs lists those there are',
      };
    case 413:
      return {
        status,
        errorType: 'caller_too_large',
        code: null,
        message: 'the body is larger than this service takes (MAX_BODY_BYTES)',
      };
    case 415:
      return {
        status,
        errorType: 'caller_media_type',
        code: null,
        message: 'the body must be JSON, with the header Content-Type: application/json',
      };
    default:
      if (status > 400 && status < 500)
        return { status, errorType: 'caller_bad_request', code: null, message };
      return {
        status: 500,
        errorType: 'manager_internal',
        code: null,
        message: 'an error of the manager itself; its log tells more',
      };
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number')
    return error.statusCode;
  return 500;
}

/** An error as HTTP tells it, before it is put into an envelope. */
export interface Problem {
  readonly status: number;
  readonly errorType: ErrorType;
  /** OpenAI's `error.code`. */
  readonly code: string | null;
  readonly message: string;
  readonly details?: readonly InputFault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** OpenAI's `error.type` goes by the status. */
export function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'api_error';
}
