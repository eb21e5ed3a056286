import type pg from 'pg';
import { quantile } from '../statistics.js';

const TIMES = 15;

/**
 * What lists show beside workers: an hour in which each served two replicas that are gone, and a day in which each hundredth
 * was suspect and back 150 times.
 */
export async function insertPast(client: pg.Client): Promise<void> {
  await client.query(
    `INSERT INTO worker_traffic (worker_id, at, replica_id, model_name, requests, failed, first_tokens)
     SELECT w.id, to_timestamp(300 * floor(extract(epoch FROM now()) / 300 - n)), r.id, w.model_name, 40, 1, array_fill(2, ARRAY[20])
     FROM worker w, generate_series(1, 12) AS n, (VALUES (gen_random_uuid()), (gen_random_uuid())) AS r (id)`,
  );
  await client.query(
    `INSERT INTO model_traffic (model_name, at, replica_id, requests)
     SELECT model_name, at, replica_id, sum(requests) FROM worker_traffic GROUP BY 1, 2, 3 ON CONFLICT DO NOTHING`,
  );
  await client.query(
    `INSERT INTO event (subject_id, subject_name, kind, actor, via, subject, before, after, at)
     SELECT w.id, w.model_name, h.now, 'health', 'service', 'worker', json_build_object('health', h.was), json_build_object('health', h.now),
       now() - make_interval(secs => 86400 - n * 576 + h.later)
     FROM (SELECT *, row_number() OVER (ORDER BY created_at, id) AS place FROM worker) AS w, generate_series(1, 150) AS n,
       (VALUES ('healthy', 'suspect', 0), ('suspect', 'healthy', 60)) AS h (was, now, later)
     WHERE w.place % 100 = 0 ORDER BY n, h.later`,
  );
  await client.query('ANALYZE');
}

/** First pages of lists, as the console reads them. */
export async function firstPages(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>('SELECT min(model_name) AS name FROM worker');
  const lists = [
    '',
    '&include=figures',
    '&include=figures&sort=sick',
    `&include=figures&model_name=${rows[0]?.name}`,
    '&include=figures&q=worker-77&sort=model_name',
  ].map((query) => `/api/v1/workers?limit=100${query}`);
  return [...lists, '/api/v1/models?limit=100', '/api/v1/overview'];
}

/** One after another. @returns how long they took */
export async function repeated(act: () => Promise<unknown>): Promise<string> {
  const ms: number[] = [];
  for (let times = 0; times < TIMES; times++) {
    const startedMs = performance.now();
    await act();
    ms.push(performance.now() - startedMs);
  }
  return `${TIMES} times, p50 ${quantile(ms, 0.5).toFixed(0)} ms, longest ${Math.max(...ms).toFixed(0)} ms`;
}
