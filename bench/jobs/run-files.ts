import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../child.js';
import { untilReady } from '../service.js';

/** `npm run bench:job-files -- [MiB]`: what a file costs that is copied into PostgreSQL, against one that stays at the upstream. */
const [mib = '64'] = process.argv.slice(2);
const ROOT = join(import.meta.dirname, '../../..');
const FILE = randomBytes(Number(mib) * 1024 ** 2);

const upstream = createServer((request, response) => {
  if (request.url?.startsWith('/film') === true)
    return void response
      .writeHead(200, { 'content-type': 'video/mp4', 'content-length': FILE.length })
      .end(FILE);
  const { port } = upstream.address() as AddressInfo;
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ id: 'task', status: 'done', url: `http://127.0.0.1:${port}/film` }));
});
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

const folder = mkdtempSync(join(tmpdir(), 'mmm-job-files-'));
const log = openSync(join(folder, 'log'), 'w');
const postgres = await startEmbeddedPostgres({
  dataDir: join(folder, 'data'),
  durable: true,
  maxConnections: 60,
});
const { host, port, user, database } = postgres.connection;
const service = Child.start(join(ROOT, 'dist/src/main.js'), {
  isMeasured: true,
  environment: {
    NODE_ENV: 'production',
    PORT: '0',
    HOST: '127.0.0.1',
    DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
    CREDENTIALS_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
    LOG_FORMAT: 'json',
  },
  output: log,
});
closeSync(log);
const client = new pg.Client(postgres.connection);
await client.connect();
try {
  const url = await untilReady(service, join(folder, 'log'));
  for (const store of [true, false]) await measure(url, store);
} finally {
  await client.end();
  await service.stop();
  await postgres.stop();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

async function measure(url: string, store: boolean): Promise<void> {
  const model = store ? 'stored' : 'handed-on';
  const post = async (path: string, body: object): Promise<{ id: string }> => {
    const headers = { 'content-type': 'application/json' };
    return (await (
      await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    ).json()) as { id: string };
  };
  await post('/api/server/register', {
    model_name: model,
    task: 'video',
    req_url_template: `${base}/tasks`,
    body: { prompt: '{USER_PROMPT}' },
    health_check: { kind: 'none' },
    poll: {
      keep: { TASK_ID: 'id' },
      status: { url: '/tasks/{TASK_ID}' },
      state: { path: 'status', done: ['done'] },
      result: { extract: 'url', as: 'url', store },
      interval_ms: 500,
    },
  });
  const walBefore = await wal();
  const cpuBefore = (await service.usage()).cpuMs;
  const { id } = await post('/api/v1/jobs', { model, prompt: 'a film' });
  let ended: { ms: number } | undefined;
  while (ended === undefined) {
    await sleep(50);
    const { rows } = await client.query<{ ms: number }>(
      `SELECT extract(epoch FROM ended_at - submitted_at)::float8 * 1000 AS ms FROM job WHERE id = $1 AND state = 'succeeded'`,
      [id],
    );
    [ended] = rows;
  }
  const walBytes = (await wal()) - walBefore;
  const startedMs = performance.now();
  const answer = await fetch(`${url}/api/v1/jobs/${id}/files/0`);
  const bytes = (await answer.arrayBuffer()).byteLength;
  const downloadMs = performance.now() - startedMs;
  const usage = await service.usage();
  process.stdout.write(
    `${model.padEnd(10)} ${mib} MiB: done after ${ended.ms.toFixed(0)} ms, WAL ${(walBytes / 1024 ** 2).toFixed(1)} MiB; ` +
      `downloaded ${bytes} bytes (${answer.status}) at ${speed(downloadMs)}; ` +
      `CPU of the service ${(usage.cpuMs - cpuBefore).toFixed(0)} ms, memory ${usage.rssMiB.toFixed(0)} MiB\n`,
  );
}

async function wal(): Promise<number> {
  const { rows } = await client.query<{ at: string }>(
    `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS at`,
  );
  return Number(rows[0]?.at);
}

function speed(ms: number): string {
  return `${(FILE.length / 1024 ** 2 / (ms / 1000)).toFixed(0)} MiB/s`;
}
