/** PostgreSQL cannot be reached, or is starting or stopping. The query may be retried. */
export class DatabaseUnavailableError extends Error {
  constructor(cause: unknown, message = 'the registry database is not available; try again later') {
    super(message, { cause });
    this.name = 'DatabaseUnavailableError';
  }
}

/** PostgreSQL answers, and this one statement had to give way: to a lock, a timeout or another transaction. */
export class DatabaseBusyError extends DatabaseUnavailableError {
  constructor(cause: unknown) {
    super(cause, 'the registry database is busy with another change; try again in a moment');
    this.name = 'DatabaseBusyError';
  }
}

/** lock_not_available, query_canceled (statement_timeout, or by hand), deadlock_detected, serialization_failure. */
const BUSY_STATES: ReadonlySet<string> = new Set(['55P03', '57014', '40P01', '40001']);

/**
 * From PostgreSQL's Appendix A: 08 (connection), 57P (shutdown, startup), 53 (disk, memory or connections exhausted), 28,
 * 3D000 and 55000 (connections no longer accepted), 25006 (became a standby), 25P03 and 25P04 (a timeout ended the session).
 */
const UNAVAILABLE_STATE = /^(08|57P|53|28|3D000|55000|25006|25P0[34])/;
const UNAVAILABLE_CODE =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;
/** Messages of `pg` without a code, and of TypeORM when a connection is lost during a transaction. */
const UNAVAILABLE_TEXT =
  /connection terminated|timeout exceeded when trying to connect|connection timeout|query read timeout|not queryable|Client has encountered a connection error|Driver not Connected|already released/i;

/** The error to throw for one of TypeORM or `pg`: DatabaseUnavailableError if the statement may be repeated later, otherwise itself. */
export function databaseError(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && BUSY_STATES.has(String(error.code)))
    return new DatabaseBusyError(error);
  return isUnavailable(error) ? new DatabaseUnavailableError(error) : error;
}

/** read_only_sql_transaction: PostgreSQL answers, and is a standby or was made read-only. */
export function isReadOnlyState(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '25006';
}

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isUnavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (UNAVAILABLE_STATE.test(code) || UNAVAILABLE_CODE.test(code)) return true;
  return UNAVAILABLE_TEXT.test(error.message);
}
