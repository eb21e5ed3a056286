/** PostgreSQL can't be reached, or is starting or stopping. What was asked may be asked again. */
export class DatabaseUnavailableError extends Error {
  constructor(cause: unknown) {
    super('the registry database is not available now; ask again later', { cause });
    this.name = 'DatabaseUnavailableError';
  }
}

/**
 * Of PostgreSQL's Appendix A: 08 (connection), 57P (shutdown, starting up), 53 (no room, no connection left), 28, 3D000 and
 * 55000 (lets us in no more), 25006 (has become a standby).
 */
const UNAVAILABLE_STATE = /^(08|57P|53|28|3D000|55000|25006)/;
const UNAVAILABLE_CODE =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;
/** What `pg` says without a code, and TypeORM when a connection is lost in the middle of a transaction. */
const UNAVAILABLE_TEXT =
  /connection terminated|timeout exceeded when trying to connect|connection timeout|query read timeout|not queryable|Client has encountered a connection error|Driver not Connected|already released/i;

/** The error to throw for one that came out of TypeORM or `pg`: itself, unless the server could not be reached. */
export function databaseError(error: unknown): unknown {
  return isUnavailable(error) ? new DatabaseUnavailableError(error) : error;
}

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isUnavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (UNAVAILABLE_STATE.test(code) || UNAVAILABLE_CODE.test(code)) return true;
  return UNAVAILABLE_TEXT.test(error.message);
}
