import type { Query } from './database-client.js';

/** A lock was not free within the patience of a migration. The exit code is EX_TEMPFAIL of sysexits.h: it may be tried again. */
export class LockWaitError extends Error {
  static readonly exitCode = 75;

  constructor(wait: string, waitedMs: number, options?: ErrorOptions) {
    super(
      `gave up after ${Math.round(waitedMs / 1_000)} s: ${wait}. What it waited with is rolled back; run it again`,
      options,
    );
    this.name = 'LockWaitError';
  }
}

export interface LockHolder {
  /** 0: a prepared transaction. */
  readonly pid: number;
  /** The others are `null` where this role may not see them. */
  readonly application_name: string | null;
  readonly usename: string | null;
  readonly state: string | null;
  readonly query_start: Date | null;
}

export interface LockWait {
  readonly lock: string;
  readonly holders: readonly LockHolder[];
}

/** One line for each lock and its holders, however often it is looked for. */
export class WaitReporter {
  last: string | null = null;
  private key = '';

  constructor(private readonly warn: (line: string) => void) {}

  saw(wait: LockWait): string {
    this.last = describeWait(wait);
    const key = [wait.lock, ...wait.holders.map(({ pid }) => pid)].join(' ');
    if (key !== this.key) this.warn(this.last);
    this.key = key;
    return this.last;
  }

  /** The wait is over: the next one is reported again. */
  forget(): void {
    this.key = '';
  }
}

const HOLDER = 'a.application_name, a.usename, a.state, a.query_start';

/** The sessions that hold the advisory lock `key` of this database. */
export function advisoryLockHolders(query: Query, key: number): Promise<readonly LockHolder[]> {
  return query<LockHolder>(
    `SELECT l.pid, ${HOLDER} FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.classid::bigint = $1::bigint >> 32 AND l.objid::bigint = $1::bigint & 4294967295`,
    [key],
  );
}

/** The sessions that hold a lock on the table that keeps others from reading it. */
export function readLockHolders(query: Query, table: string): Promise<readonly LockHolder[]> {
  return query<LockHolder>(
    `SELECT l.pid, ${HOLDER} FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
     WHERE l.relation = to_regclass($1) AND l.granted AND l.mode = 'AccessExclusiveLock'`,
    [table],
  );
}

/** The lock that session `pid` waits for now; `null`: for none. */
export function lockWaitOf(query: Query, pid: number | null): Promise<LockWait | null> {
  return firstWait(query, 'l.pid = $1', [pid]);
}

/** The lock that a session of this name has waited for longest; `null`: none waits. */
export function lockWaitOfPool(query: Query): Promise<LockWait | null> {
  const isOfPool = `l.pid IN (SELECT s.pid FROM pg_stat_activity s
    WHERE s.datname = current_database() AND s.application_name = current_setting('application_name'))`;
  return firstWait(query, isOfPool, []);
}

async function firstWait(query: Query, which: string, values: unknown[]): Promise<LockWait | null> {
  const rows = await query<LockHolder & { readonly lock: string; readonly waiter: number }>(
    `SELECT l.mode || ' on ' || coalesce(l.relation::regclass::text, l.locktype) AS lock, l.pid AS waiter, b.pid, ${HOLDER}
     FROM pg_locks l CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS b (pid)
       LEFT JOIN pg_stat_activity a ON a.pid = b.pid
     WHERE ${which} AND NOT l.granted ORDER BY l.waitstart, l.pid, b.pid`,
    values,
  );
  const [first] = rows;
  if (first === undefined) return null;
  return { lock: first.lock, holders: rows.filter(({ waiter }) => waiter === first.waiter) };
}

/** Such as `waiting for AccessExclusiveLock on worker, held by pid 42 (pg_dump of backup, active, query started …)`. */
export function describeWait({ lock, holders }: LockWait): string {
  const by = holders.length === 0 ? '' : `, held by ${holders.map(describeHolder).join(' and ')}`;
  return `waiting for ${lock}${by}`;
}

function describeHolder({ pid, application_name, usename, state, query_start }: LockHolder): string {
  if (pid === 0) return 'a prepared transaction (see pg_prepared_xacts)';
  const known = [
    [application_name, usename]
      .map((part, index) => (part && index === 1 ? `of ${part}` : part))
      .filter(Boolean)
      .join(' '),
    state,
    query_start === null ? null : `query started ${query_start.toISOString()}`,
  ].filter(Boolean);
  return known.length === 0 ? `pid ${pid}` : `pid ${pid} (${known.join(', ')})`;
}
