import { HttpException } from '@nestjs/common';
import {
  AccessNotFoundError,
  AdminPortError,
  CrossSiteError,
  ForbiddenError,
  ForeignOriginError,
  KeyNameTakenError,
  SignInUnavailableError,
  UnauthorizedError,
} from '../access/access-errors.js';
import { LimitedError } from '../access/limits/limit-errors.js';
import {
  ResponseNotFoundError,
  ThreadNotFoundError,
  UnsupportedFieldError,
  UnsupportedTaskError,
} from '../inference/chat/chat-errors.js';
import { NoWorkerAvailableError, UnknownModelError } from '../balancing/balancing-errors.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import {
  IdempotencyConflictError,
  InputsFullError,
  NoSuchFileError,
  QueueFullError,
} from '../jobs/job-errors.js';
import {
  CompressedBodyError,
  type InputFault,
  InvalidInputError,
  PreconditionFailedError,
} from '../input/input-errors.js';
import {
  EventNotFoundError,
  NoSuchModelError,
  NoSuchWorkerError,
  NoWorkerToRenewError,
  UndoRefusedError,
  WorkerDisabledError,
  WorkerExistsError,
  WorkerNotFoundError,
  WorkerOfflineError,
} from '../registry/registry-errors.js';
import {
  InvalidLinkError,
  JobFailedError,
  JobNotFoundError,
  JobUnfinishedError,
  NoResultError,
  UnsupportedOperationError,
} from '../inference/apis/jobs/job-errors.js';
import { TooManyStreamsError } from '../overview/overview-errors.js';
import { RenderError } from '../template/template-error.js';
import { FAILED, type Failure, UpstreamError } from '../upstream/failure.js';
import { MemoryExhaustedError, UpstreamRejectedError } from '../upstream/upstream-errors.js';
import type { ErrorType } from '../telemetry/error-type.js';

const BAD_GATEWAY = 502;

/** The one table from errors to HTTP responses. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ThreadNotFoundError)
    return { ...problem(404, 'caller_not_found', error), code: 'thread_not_found' };
  if (error instanceof InvalidInputError)
    return { ...problem(400, 'caller_bad_request', error), details: error.details };
  if (error instanceof RenderError || error instanceof UnsupportedFieldError) {
    const details = [{ field: error.field, problem: error.problem }];
    return { ...problem(400, 'caller_bad_request', error), details };
  }
  if (error instanceof CompressedBodyError)
    return { ...problem(415, 'caller_media_type', error), headers: { 'accept-encoding': error.accepted } };
  if (error instanceof UnsupportedTaskError) return problem(400, 'caller_bad_request', error);
  if (error instanceof UnauthorizedError) {
    const headers = { 'www-authenticate': 'Bearer' };
    const unauthorized = { ...problem(401, 'caller_unauthorized', error), code: error.code, headers };
    return error.signIn === null ? unauthorized : { ...unauthorized, more: { sign_in: error.signIn } };
  }
  if (error instanceof ForbiddenError)
    return { ...problem(403, 'caller_forbidden', error), code: error.code };
  if (error instanceof AdminPortError) return problem(404, 'caller_not_found', error);
  if (error instanceof LimitedError)
    return { ...problem(429, 'caller_limited', error), code: error.code, headers: error.headers };
  if (error instanceof AccessNotFoundError) return problem(404, 'caller_not_found', error);
  if (error instanceof KeyNameTakenError) return problem(409, 'caller_conflict', error);
  if (error instanceof ForeignOriginError) return problem(403, 'caller_foreign_origin', error);
  if (error instanceof CrossSiteError) return problem(403, 'caller_foreign_origin', error);
  if (error instanceof UnknownModelError)
    return { ...problem(404, 'caller_unknown_model', error), code: 'model_not_found' };
  if (
    error instanceof ResponseNotFoundError ||
    error instanceof NoSuchModelError ||
    error instanceof NoWorkerToRenewError ||
    error instanceof NoSuchWorkerError ||
    error instanceof WorkerNotFoundError ||
    error instanceof EventNotFoundError
  )
    return problem(404, 'caller_not_found', error);
  if (
    error instanceof WorkerExistsError ||
    error instanceof WorkerDisabledError ||
    error instanceof WorkerOfflineError ||
    error instanceof UndoRefusedError
  )
    return problem(409, 'caller_conflict', error);
  if (error instanceof PreconditionFailedError) return problem(412, 'caller_conflict', error);
  if (error instanceof NoWorkerAvailableError)
    return error.errorType === 'worker_rejected_credentials'
      ? problem(BAD_GATEWAY, error.errorType, error)
      : problem(503, error.errorType, error, error.retryAfterS);
  if (error instanceof DatabaseUnavailableError)
    return problem(503, 'manager_database_unavailable', error, 5);
  if (error instanceof SignInUnavailableError) return problem(503, 'manager_sign_in_unavailable', error, 5);
  if (error instanceof TooManyStreamsError) return problem(503, 'manager_overloaded', error, 5);
  if (error instanceof MemoryExhaustedError) return problem(503, 'manager_overloaded', error, 1);
  if (error instanceof UpstreamError) return attemptProblem(error);
  const ofJob = jobProblem(error);
  if (ofJob !== null) return ofJob;
  return frameworkProblem(error);
}

const SOON = { 'retry-after': '1' };

/** Whatever status a worker answers: one that the client may see is sent before this. */
function attemptProblem(error: UpstreamError): Problem {
  const { kind, failure, forClient, detail } = error;
  const base = {
    status: error instanceof UpstreamRejectedError ? BAD_GATEWAY : (failure.status ?? BAD_GATEWAY),
    errorType: failure.errorType,
    code: null,
    message: `${FAILED}: ${forClient}`,
    failure,
    detail,
  };
  return kind === 'no_memory' ? { ...base, headers: SOON } : base;
}

/** Statuses of failed jobs other than 502. Each but `busy` may have been submitted, so clients must not send it again. */
const STATUS_OF_JOB: Partial<Record<JobFailedError['code'], number>> = { busy: 503, timeout: 504 };
const BUSY_HEADERS = { 'retry-after': '30', 'x-should-retry': 'true' };
const FINAL_HEADERS = { 'x-should-retry': 'false' };

function jobProblem(error: unknown): Problem | null {
  if (error instanceof JobFailedError) {
    const { code, message, errorType } = error;
    const headers = code === 'busy' ? BUSY_HEADERS : FINAL_HEADERS;
    return { status: STATUS_OF_JOB[code] ?? 502, errorType, code, message, headers };
  }
  if (error instanceof JobUnfinishedError)
    return { ...problem(504, error.errorType, error), code: 'job_unfinished', headers: FINAL_HEADERS };
  if (error instanceof JobNotFoundError || error instanceof NoSuchFileError)
    return problem(404, 'caller_not_found', error);
  if (error instanceof NoResultError)
    return { ...problem(400, 'caller_bad_request', error), code: error.code };
  if (error instanceof UnsupportedOperationError)
    return { ...problem(400, 'caller_bad_request', error), code: 'unsupported' };
  if (error instanceof InvalidLinkError) return problem(403, 'caller_unauthorized', error);
  if (error instanceof IdempotencyConflictError)
    return { ...problem(422, 'caller_conflict', error), code: 'idempotency_key_reused' };
  if (error instanceof QueueFullError) return problem(503, 'policy_queue_full', error, error.retryAfterS);
  if (error instanceof InputsFullError) return problem(503, 'manager_overloaded', error, error.retryAfterS);
  return null;
}

function problem(status: number, errorType: ErrorType, error: Error, retryAfterS?: number): Problem {
  const base = { status, errorType, code: null, message: error.message };
  return retryAfterS === undefined ? base : { ...base, headers: { 'retry-after': String(retryAfterS) } };
}

export const NO_SUCH_PATH = 'there is no such path; /docs lists all paths';

/** Errors that Nest and Fastify throw before a controller is reached; any other error is internal, without details. */
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
      return { status, errorType: 'caller_not_found', code: null, message: NO_SUCH_PATH };
    case 413:
      return {
        status,
        errorType: 'caller_too_large',
        code: null,
        message: 'the body is too large (MAX_BODY_BYTES)',
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
        message: 'internal error; the log of the service has the details',
      };
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number')
    return error.statusCode;
  return 500;
}

/** An error for HTTP, before it is put into an envelope. */
export interface Problem {
  readonly status: number;
  readonly errorType: ErrorType;
  /** OpenAI's `error.code`. */
  readonly code: string | null;
  /** Of the attempt that failed. */
  readonly failure?: Failure;
  /** For the log alone. */
  readonly detail?: string | null;
  readonly message: string;
  readonly details?: readonly InputFault[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the answer, beside the error. */
  readonly more?: Readonly<Record<string, unknown>>;
}
