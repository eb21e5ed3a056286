import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { ReplicaProcess } from '../replica-process.js';
import { median } from '../statistics.js';
import { ADMIN_KEY } from './callers.js';

/**
 * `npm run bench:usage`: how long GET /api/v1/usage takes for a day of 1,000,000 requests of 50 keys and 20 models, spread at
 * random over 24 hours, with 2 workers a model (a worker has one model, so 40 in all), and with 40.
 * A page has 1,000 rows; the second one is measured, too. Rows are stored in the order of their hours, as replicas write them.
 */
const TIMES = 9;
const DAY = 'from=2026-11-26&to=2026-11-27';
const ALL = ['hour', 'day', 'key', 'team', 'model', 'worker'] as const;
/** Every list that `group_by` may be, but those of hours and their days, which are those of hours. */
const GROUPS = Array.from({ length: 2 ** ALL.length }, (_, bits) =>
  ALL.filter((_group, at) => (bits >> at) & 1),
)
  .filter((groups) => !(groups.includes('hour') && groups.includes('day')))
  .map((groups) => groups.join(','));

const DAY_OF_HOUR = `(hour AT TIME ZONE 'UTC')::date`;
const ROLL_UPS = [
  ['usage_by_hour', 'hour, key_id, team, model, currency'],
  ['usage_by_worker', `${DAY_OF_HOUR}, worker_id, key_id, team, model, currency`],
  ['usage_daily', `${DAY_OF_HOUR}, key_id, team, model, currency`],
] as const;

const folder = mkdtempSync(join('/tmp', 'mmm-usage-'));
const postgres = await startEmbeddedPostgres({ dataDir: folder, durable: false, maxConnections: 50 });
const environment = { ADMIN_API_KEY: ADMIN_KEY, HOST: '127.0.0.1' };
const setting = { root: join(import.meta.dirname, '../../..'), cwd: folder, tuning: {}, environment };
const replica = new ReplicaProcess('replica', setting, () => postgres);
const client = new pg.Client({ ...postgres.connection });
try {
  replica.start();
  await replica.ready();
  await client.connect();
  for (const workers of [2, 40]) {
    await fill(workers);
    const { rows } = await client.query<{
      hourly: number;
      by_hour: number;
      by_worker: number;
      daily: number;
    }>(
      'SELECT (SELECT count(*) FROM usage_hourly)::int AS hourly, (SELECT count(*) FROM usage_by_hour)::int AS by_hour, (SELECT count(*) FROM usage_by_worker)::int AS by_worker, (SELECT count(*) FROM usage_daily)::int AS daily',
    );
    process.stdout.write(`${workers} workers a model: ${JSON.stringify(rows[0])} rows\n`);
    for (const group of GROUPS)
      process.stdout.write(`  ${(group || 'all').padEnd(28)} ${await timesOf(group)}\n`);
  }
} finally {
  await client.end();
  await replica.end('SIGKILL');
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

async function fill(workers: number): Promise<void> {
  await client.query('TRUNCATE usage_hourly, usage_by_hour, usage_by_worker, usage_daily');
  await client.query(`
    INSERT INTO usage_hourly (hour, key_id, key_name, team, model, worker_id, currency, requests, input_tokens, cached_tokens, output_tokens, cost)
    SELECT timestamptz '2026-11-26T00:00:00Z' + h * interval '1 hour', ('00000000-0000-0000-0000-' || lpad(k::text, 12, '0'))::uuid, 'key ' || k,
      'team ' || (k % 7), 'model ' || m, ('00000000-0000-0000-' || lpad(m::text, 4, '0') || '-' || lpad((w + 1)::text, 12, '0'))::uuid, 'EUR',
      count(*), count(*) * 800, count(*) * 100, count(*) * 200, count(*) * 0.01
    FROM (SELECT floor(random() * 24)::int AS h, 1 + floor(random() * 50)::int AS k, floor(random() * 20)::int AS m, floor(random() * ${workers})::int AS w
      FROM generate_series(1, 1000000)) AS r GROUP BY h, k, m, w ORDER BY h`);
  for (const [table, columns] of ROLL_UPS)
    await client.query(`
      INSERT INTO ${table} (${columns.replace(DAY_OF_HOUR, 'day')}, key_name, requests, input_tokens, cached_tokens, output_tokens, cost)
      SELECT ${columns}, key_name, sum(requests), sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(cost)
      FROM usage_hourly GROUP BY ${columns}, key_name`);
  await client.query('VACUUM ANALYZE usage_hourly, usage_by_hour, usage_by_worker, usage_daily');
}

async function timesOf(group: string): Promise<string> {
  const query = `${DAY}${group === '' ? '' : `&group_by=${group}`}`;
  const first = await pagesOf(query);
  if (first.next === null) return first.times;
  return `${first.times}; second page: ${(await pagesOf(`${query}&cursor=${first.next}`)).times}`;
}

async function pagesOf(query: string): Promise<{ readonly times: string; readonly next: string | null }> {
  const ms: number[] = [];
  let next: string | null = null;
  for (let time = 0; time < TIMES; time++) {
    const startedMs = performance.now();
    const answer = await fetch(`${replica.url}/api/v1/usage?${query}`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    if (!answer.ok) throw new Error(await answer.text());
    next = ((await answer.json()) as { readonly next_cursor: string | null }).next_cursor;
    ms.push(performance.now() - startedMs);
  }
  const times = `best ${Math.min(...ms).toFixed(0)} ms, median ${median(ms).toFixed(0)} ms, worst ${Math.max(...ms).toFixed(0)} ms`;
  return { times, next };
}
