import type pg from 'pg';

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

const HOLDER = 'a.application_name, a.usename, a.state, a.query_start';

/** Who holds the advisory lock `key` of this database. */
export async function advisoryLockHolders(client: pg.Client, key: number): Promise<readonly LockHolder[]> {
  const { rows } = await client.query<LockHolder>(
    `SELECT l.pid, ${HOLDER} FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.classid::bigint = $1::bigint >> 32 AND l.objid::bigint = $1::bigint & 4294967295`,
    [key],
  );
  return rows;
}

/** The lock that session `pid` waits for now; `null`: for none. */
export async function lockWaitOf(client: pg.Client, pid: number | null): Promise<LockWait | null> {
  const { rows } = await client.query<LockHolder & { readonly lock: string }>(
    `SELECT l.mode || ' on ' || coalesce(l.relation::regclass::text, l.locktype) AS lock, b.pid, ${HOLDER}
     FROM pg_locks l CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS b (pid)
       LEFT JOIN pg_stat_activity a ON a.pid = b.pid
     WHERE l.pid = $1 AND NOT l.granted ORDER BY b.pid`,
    [pid],
  );
  const [first] = rows;
  return first === undefined ? null : { lock: first.lock, holders: rows };
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
