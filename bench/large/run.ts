import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../child.js';
import { ReplicaProcess } from '../replica-process.js';
import { aligned } from '../simulate/table.js';
import { quantile } from '../statistics.js';

/**
 * `npm run bench:large`: large answers and large requests that are passed through, many at once, by one replica with the heap of
 * the manifests. Linux only: the peak of the memory is read from /proc.
 */
const { values: options } = parseArgs({
  options: {
    /** A checkout of another build, built, instead of this one. */
    root: { type: 'string' },
    'at-once': { type: 'string', default: '32' },
    megabytes: { type: 'string', default: '1,10,30' },
  },
});
const ROOT = resolve(options.root ?? join(import.meta.dirname, '../../..'));
const atOnce = Number(options['at-once']);
const HEAD = [
  'what',
  'MB',
  'answered',
  '503',
  'other',
  'first byte p50 ms',
  'whole p50 ms',
  'peak RSS MiB',
  'above idle MiB',
];

interface Seen {
  readonly status: number;
  readonly firstByteMs: number;
  readonly wholeMs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'mmm-large-'));
const postgres = await startEmbeddedPostgres({ dataDir: folder, durable: false });
const upstream = Child.start(join(import.meta.dirname, 'upstream.js'));
const { port } = await upstream.next<{ port: number }>();
const environment = { NODE_OPTIONS: '--max-old-space-size=1024' };
const replica = new ReplicaProcess(
  'the replica',
  { root: ROOT, cwd: folder, tuning: {}, environment, isObserved: true },
  () => postgres,
);
const rows: string[][] = [];

try {
  replica.start();
  await replica.ready();
  const worker = {
    model_name: 'large',
    protocol: 'openai',
    req_url_template: `http://127.0.0.1:${port}/v1`,
    max_concurrency: 64,
  };
  const made = await post('/api/v1/workers', Buffer.from(JSON.stringify(worker)));
  if (made.status !== 201) throw new Error(`the worker was not registered: ${made.status}`);
  for (const megabytes of options.megabytes.split(',').map(Number)) {
    await measure('answers', megabytes, body(`answer ${megabytes}`));
    await measure('requests', megabytes, body('A'.repeat(megabytes * 1_000_000)));
  }
  console.log(`${atOnce} at once, heap 1024 MiB\n\n${aligned([HEAD, ...rows])}`);
  for (const line of replica.complaints) console.log(`complaint: ${line}`);
} finally {
  await replica.end('SIGKILL');
  await upstream.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

function body(input: string): Buffer {
  return Buffer.from(JSON.stringify({ model: 'large', input }));
}

async function measure(what: string, megabytes: number, sent: Buffer): Promise<void> {
  await replica.ask('memory');
  await sleep(500);
  const idle = memory('VmRSS');
  // The peak begins anew [proc_pid_clear_refs(5)].
  writeFileSync(`/proc/${replica.pid}/clear_refs`, '5');
  const seen = await Promise.all(Array.from({ length: atOnce }, () => post('/v1/embeddings', sent)));
  const peak = memory('VmHWM');
  const good = seen.filter(({ status }) => status === 200);
  const busy = seen.filter(({ status }) => status === 503).length;
  const p50 = (of: (one: Seen) => number): string =>
    good.length === 0 ? '' : quantile(good.map(of), 0.5).toFixed(0);
  rows.push([
    what,
    String(megabytes),
    String(good.length),
    String(busy),
    String(seen.length - good.length - busy),
    p50(({ firstByteMs }) => firstByteMs),
    p50(({ wholeMs }) => wholeMs),
    peak.toFixed(0),
    (peak - idle).toFixed(0),
  ]);
}

function memory(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${replica.pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
}

/** The status 0 stands for a broken connection. */
function post(path: string, sent: Buffer): Promise<Seen> {
  const startedMs = performance.now();
  return new Promise((done) => {
    let firstByteMs = 0;
    const end = (status: number): void =>
      done({ status, firstByteMs, wholeMs: performance.now() - startedMs });
    const headers = { 'content-type': 'application/json', 'content-length': sent.length };
    const call = request(replica.url + path, { method: 'POST', headers, agent: false }, (answer) => {
      answer.once('data', () => (firstByteMs = performance.now() - startedMs));
      answer.on('data', () => {});
      answer.on('end', () => end(answer.statusCode ?? 0));
      answer.on('error', () => end(0));
    });
    call.on('error', () => end(0));
    call.end(sent);
  });
}
