/** What the methods of Jobs throw besides these. */
export { DatabaseUnavailableError } from '../database/database-unavailable-error.js';

/** As many jobs of the model wait as may. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';

  constructor(
    readonly modelName: string,
    most: number,
    /** When it is worth trying again, in seconds. */
    readonly retryAfterS: number,
  ) {
    super(
      `model(${modelName}) has ${most} jobs waiting already, which is its limit (queue.max of its policy)`,
    );
  }
}

/** The input files of all jobs that are not submitted yet take as much of the database as they may. */
export class InputsFullError extends Error {
  override readonly name = 'InputsFullError';
  readonly retryAfterS = 30;

  constructor(mostBytes: number) {
    super(
      `input files of waiting jobs take ${mostBytes} bytes already, which is the limit; send them again later`,
    );
  }
}

/** The key was used for another request. */
export class IdempotencyConflictError extends Error {
  override readonly name = 'IdempotencyConflictError';

  constructor() {
    super('this Idempotency-Key was used for another request: send a new key, or the same request again');
  }
}

/** A file of a job that is not there. */
export class NoSuchFileError extends Error {
  override readonly name = 'NoSuchFileError';
}
