import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Browser, chromium } from 'playwright-core';
import { migrate } from '../../src/database/migrate.js';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { ReplicaProcess } from '../replica-process.js';
import { aligned } from '../simulate/table.js';
import { median } from '../statistics.js';

/**
 * `npm run bench:console`: how long the page of workers takes in Chromium, from the beginning of the navigation until the first
 * row is there, with an empty cache and with a full one; and how much it loads.
 */
const ROOT = join(import.meta.dirname, '../../..');
const LOADS = 9;
/** A new window starts a process for its own bars, which a user's window has done long ago. */
const SETTLE_MS = 1_000;

interface Load {
  readonly usableMs: number;
  readonly bytes: number;
}

/** In the page: notes when the first row is there. */
const NOTE_FIRST_ROW = `new MutationObserver(() => {
  if (document.querySelector('tr[data-worker]') !== null) window.usableMs ??= performance.now();
}).observe(document, { childList: true, subtree: true })`;
const LOADED_BYTES = `performance.getEntriesByType('resource')
  .filter(({ name }) => /\\.(js|css)$/.test(new URL(name).pathname))
  .reduce((sum, { transferSize }) => sum + transferSize, 0)`;

async function loads(browser: Browser, url: string, isCached: boolean): Promise<readonly Load[]> {
  const measured: Load[] = [];
  let context = await browser.newContext();
  for (let index = 0; index < LOADS; index += 1) {
    if (!isCached) context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(NOTE_FIRST_ROW);
    await page.waitForTimeout(SETTLE_MS);
    await page.goto(`${url}/console/workers`);
    await page.locator('tr[data-worker]').first().waitFor();
    measured.push({
      usableMs: await page.evaluate<number>('window.usableMs'),
      bytes: await page.evaluate<number>(LOADED_BYTES),
    });
    await page.close();
  }
  await context.close();
  // The first one fills the cache, and the caches of the service.
  return measured.slice(1);
}

const folder = mkdtempSync(join(tmpdir(), 'mmm-console-'));
const postgres = await startEmbeddedPostgres({ dataDir: folder, durable: true, maxConnections: 60 });
const replica = new ReplicaProcess(
  'the replica',
  { root: ROOT, cwd: folder, tuning: {}, environment: {} },
  () => postgres,
);
const client = new pg.Client(postgres.connection);
await client.connect();
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  await migrate(postgres.connection, 'public');
  replica.start();
  await replica.ready();
  const rows: string[][] = [];
  let from = 1;
  for (const workers of [10, 200, 10_000]) {
    await client.query(
      `INSERT INTO worker (model_name, name, req_url_template, body, response_extract, health_check)
       SELECT 'model-' || n / 5, 'gpu-' || n, 'http://10.0.0.7:8000/' || n, '{"p": "{USER_PROMPT}"}', 'text', '{"kind": "none"}'
       FROM generate_series($1::int, $2::int) AS n`,
      [from, workers],
    );
    from = workers + 1;
    await untilKnown(workers);
    for (const isCached of [false, true]) {
      const measured = await loads(browser, replica.url, isCached);
      const times = measured.map(({ usableMs }) => usableMs);
      rows.push([
        String(workers),
        isCached ? 'full' : 'empty',
        median(times).toFixed(0),
        Math.max(...times).toFixed(0),
        (median(measured.map(({ bytes }) => bytes)) / 1_024).toFixed(1),
      ]);
    }
  }
  const [cpu] = cpus();
  process.stdout.write(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}, load average ${loadavg()[0]?.toFixed(1)}\n\n`,
  );
  process.stdout.write(
    `${aligned([['workers', 'cache', 'usable, ms (median)', 'longest, ms', 'JS and CSS, KiB'], ...rows])}\n`,
  );
} finally {
  await browser.close();
  await replica.end('SIGTERM');
  await client.end();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function untilKnown(workers: number): Promise<void> {
  for (;;) {
    const { workers: states } = (await (await fetch(`${replica.url}/api/v1/overview`)).json()) as {
      workers: Readonly<Record<string, number>>;
    };
    if (Object.values(states).reduce((sum, each) => sum + each, 0) >= workers) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
