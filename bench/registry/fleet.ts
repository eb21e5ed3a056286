import type pg from 'pg';

export interface Fleet {
  readonly workers: number;
  readonly models: number;
  readonly ports: readonly number[];
}

/**
 * Writes workers as a DBA does: one statement. Of ten workers nine have their own template, and share the probe of their
 * origin; one has the OpenAI API, and a probe of its own.
 */
export async function insertWorkers(client: pg.Client, { workers, models, ports }: Fleet): Promise<void> {
  await client.query(
    `INSERT INTO worker (model_name, name, req_url_template, protocol, body, response_extract, labels, max_concurrency)
     SELECT 'model-' || lpad((n % $2)::text, 5, '0'), 'worker-' || n,
       'http://127.0.0.1:' || p.port || CASE WHEN n % 10 = 0 THEN '/v1' ELSE '/generate' END,
       CASE WHEN n % 10 = 0 THEN 'openai' ELSE 'template' END,
       CASE WHEN n % 10 <> 0 THEN '{"prompt": "{USER_PROMPT}", "options": {"temperature": "{MODEL_TEMPERATURE}"}}'::json END,
       CASE WHEN n % 10 = 0 THEN '' ELSE 'answer' END,
       json_build_object('zone', 'zone-' || n % 3, 'rack', 'rack-' || n % 40), 8
     FROM generate_series(1, $1::int) AS n
     JOIN unnest($3::int[]) WITH ORDINALITY AS p (port, place) ON p.place = 1 + n / 5 % cardinality($3::int[])`,
    [workers, models, ports],
  );
  // Every tenth model has a policy.
  await client.query(
    `INSERT INTO model (name, retries) SELECT 'model-' || lpad((n * 10)::text, 5, '0'), 1 FROM generate_series(0, $1::int / 10 - 1) AS n`,
    [models],
  );
  await client.query('ANALYZE');
}

/** What the database has done so far. */
export interface DatabaseWork {
  readonly transactions: number;
  readonly walBytes: number;
  readonly updates: number;
}

export async function databaseWork(client: pg.Client): Promise<DatabaseWork> {
  const { rows } = await client.query<{ transactions: string; wal: string; updates: string }>(
    `SELECT xact_commit AS transactions, tup_updated AS updates, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS wal
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  const [row] = rows;
  return {
    transactions: Number(row?.transactions),
    walBytes: Number(row?.wal),
    updates: Number(row?.updates),
  };
}
