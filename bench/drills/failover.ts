import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pgOptions } from '../../src/database/data-source.js';
import { DatabaseClient } from '../../src/database/database-client.js';
import { queryOf, ServerPair } from '../../test/database/standby.js';
import { aligned } from '../simulate/table.js';
import { Ledger } from './ledger.js';
import { chatWorker, filmWorker, register, Site, submitJob } from './site.js';
import { byKind, Traffic } from './traffic.js';

/**
 * `npm run drill:failover`: the primary is killed (SIGKILL) under calls, streams, registrations, changes by SQL and jobs; some
 * seconds later its standby is promoted. Once with a synchronous standby, once with an asynchronous one. Ends with 1 if a chat
 * failed, or if a write was lost that a synchronous standby must have.
 */
const { values: options } = parseArgs({
  options: {
    replicas: { type: 'string', default: '2' },
    /** How long a failover manager takes to notice and to promote. */
    'away-ms': { type: 'string', default: '5000' },
    /** How long writes go on before and after. */
    seconds: { type: 'string', default: '20' },
  },
});
const [awayMs, aroundMs] = [Number(options['away-ms']), Number(options.seconds) * 1_000];
const HEAD = [
  'standby',
  'what',
  'acknowledged',
  'refused',
  'lost',
  'works again after promotion',
  'longest gap',
];
const MOST_FOR_JOBS_MS = 120_000;

const rows: string[][] = [];
for (const standby of ['synchronous', 'asynchronous'] as const) await failover(standby);
console.log(aligned([HEAD, ...rows]));

async function failover(standby: 'synchronous' | 'asynchronous'): Promise<void> {
  const pair = await ServerPair.start(true);
  const site = await Site.open(8, pair.primary);
  const stopping = new AbortController();
  try {
    const url = pair.urlOf([pair.primary, pair.standby], 'target_session_attrs=read-write');
    const environment = { DATABASE_URL: url };
    const replicas = Array.from({ length: Number(options.replicas) }, (_, at) =>
      site.replica(`replica ${at + 1}`, { environment }),
    );
    await Promise.all(replicas.map((replica) => replica.ready()));
    if (standby === 'synchronous') await pair.synchronous();
    let turn = 0;
    const anyUrl = (): string => replicas[(turn += 1) % replicas.length]?.url ?? '';
    for (const port of site.ports.slice(0, 4)) await register(anyUrl(), chatWorker('chat', port, '/steady'));
    await register(anyUrl(), filmWorker(site.ports[4] ?? 0));
    const traffic = new Traffic({
      url: anyUrl,
      models: () => ['chat'],
      wholeEveryMs: 60,
      streamEveryMs: 200,
    });
    const { signal } = stopping;
    const registrations = new Ledger('registrations', 50, signal, (at) =>
      register(anyUrl(), chatWorker(`passing-${at}`, site.ports[5] ?? 0, '/steady')),
    );
    const byHand = new Ledger('changes by SQL', 50, signal, (at) => insertByHand(url, `by-hand-${at}`));
    const jobs = new Ledger('jobs', 500, signal, (at) => submitJob(anyUrl(), `a film, number ${at}`));
    const all = [registrations, byHand, jobs];

    await sleep(aroundMs);
    console.error(`the primary is killed; its standby is ${standby}`);
    await pair.killPrimary();
    await sleep(awayMs);
    const promotingMs = performance.now();
    await pair.promote();
    const promotedMs = performance.now();
    await sleep(aroundMs);
    stopping.abort();
    await Promise.all(all.map((ledger) => ledger.ended()));
    const { whole, streams, failures } = await traffic.stop();

    const kept = {
      registrations: await columnOf(pair, 'SELECT id::text AS key FROM worker'),
      'changes by SQL': await columnOf(pair, 'SELECT name AS key FROM model'),
      jobs: await columnOf(pair, 'SELECT id::text AS key FROM job'),
    };
    const served = whole + streams - failures.length;
    rows.push([
      standby,
      `chats, ${streams} of them streams`,
      String(served),
      String(failures.length),
      '',
      '',
      '',
    ]);
    for (const line of byKind(failures)) console.error(line);
    for (const ledger of all) {
      const lost = ledger.acknowledged.filter((key) => !kept[ledger.kind as keyof typeof kept].has(key));
      const again = ledger.firstAfter(promotedMs);
      rows.push([
        standby,
        ledger.kind,
        String(ledger.acknowledged.length),
        String(ledger.refusals.length),
        String(lost.length),
        again === null ? 'never' : `${again.toFixed(0)} ms`,
        `${(ledger.longestGapMs / 1_000).toFixed(1)} s`,
      ]);
      for (const [message, times] of countedBy(ledger.refusals))
        console.error(`${ledger.kind}: ${times} × ${message}`);
      if (again === null || (standby === 'synchronous' && lost.length > 0)) process.exitCode = 1;
    }
    if (failures.length > 0) process.exitCode = 1;
    console.error(`promotion took ${(promotedMs - promotingMs).toFixed(0)} ms; jobs: ${await jobsEnd(pair)}`);
    for (const line of site.complaints().slice(0, 20)) console.error(`complaint: ${line}`);
  } finally {
    stopping.abort();
    await site.close();
    await pair.stop();
  }
}

/** As psql does with a URL of two servers: on a connection of its own. @returns the name */
async function insertByHand(url: string, name: string): Promise<string> {
  const client = new DatabaseClient(pgOptions({ url }, 'drill'));
  try {
    await client.connect();
    await client.query('INSERT INTO model (name, retries) VALUES ($1, 1)', [name]);
    return name;
  } finally {
    void client.end().catch(() => {});
  }
}

async function columnOf({ standby }: ServerPair, sql: string): Promise<ReadonlySet<string>> {
  return new Set((await queryOf(standby, sql)).map((row) => (row as { key: string }).key));
}

function countedBy(messages: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const message of messages) {
    const kind = message.replaceAll(/[\d-]+/g, '#').slice(0, 200);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** How all jobs ended. */
async function jobsEnd({ standby }: ServerPair): Promise<string> {
  const endMs = performance.now() + MOST_FOR_JOBS_MS;
  while (performance.now() < endMs) {
    if ((await queryOf(standby, 'SELECT FROM job WHERE ended_at IS NULL')).length === 0) break;
    await sleep(500);
  }
  const ends = await queryOf(
    standby,
    `SELECT coalesce(error_code, state) || ': ' || count(*) AS line FROM job GROUP BY coalesce(error_code, state)`,
  );
  return ends.map((row) => (row as { line: string }).line).join(', ');
}
