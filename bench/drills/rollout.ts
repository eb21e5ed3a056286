import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { aligned } from '../simulate/table.js';
import { Deployment } from './deployment.js';
import { Nginx } from './nginx.js';
import { chatWorker, register, Site, WORKER_KEY } from './site.js';
import { byKind, type Tally, Traffic } from './traffic.js';

/**
 * `npm run drill:rollout -- --nginx /usr/sbin/nginx`: three replicas behind a real nginx, under calls and streams: a rolling
 * restart, the rotation of the key that seals credentials, and edits of the rules for addresses. It takes about four minutes,
 * and writes a line after each step. Ends with 1 if a call failed or a stream was cut.
 */
const { values: options } = parseArgs({
  options: {
    /** Debian: apt install nginx-light. */
    nginx: { type: 'string', default: 'nginx' },
    replicas: { type: 'string', default: '3' },
  },
});
const key = (id: string, byte: number): string => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const [K1, K2] = [key('k1', 1), key('k2', 2)];
const MOST_RESEALING_MS = 120_000;

const site = await Site.open(8);
const rows: string[][] = [];
let nginx: Nginx | null = null;
let failed = 0;

try {
  const deployment = new Deployment(site, Number(options.replicas), (urls) => nginx?.route(urls));
  const common = { SHUTDOWN_DELAY_MS: '3000', CREDENTIALS_KEYS: K1, UPSTREAM_DENY_CIDRS: '127.0.0.2' };
  await deployment.start({ environment: common });
  const front = (nginx = await Nginx.start(options.nginx, site.folder, deployment.urls));
  const models = ['chat', 'secret'];
  for (const port of site.ports.slice(0, 4)) await register(front.url, chatWorker('chat', port, '/steady'));
  for (const port of site.ports.slice(4, 6)) await register(front.url, secretWorker('secret', port));
  const traffic = new Traffic({
    url: () => front.url,
    models: () => models,
    wholeEveryMs: 60,
    streamEveryMs: 200,
  });

  let before: Tally = traffic.tally;
  const note = async (what: string): Promise<void> => {
    // What was begun last shall have ended.
    await sleep(5_000);
    const now = traffic.tally;
    const news = now.failures.slice(before.failures.length);
    const [whole, streams] = [now.whole - before.whole, now.streams - before.streams];
    rows.push([what, ...[whole, streams, news.length].map(String)]);
    console.error(`${what}: ${whole} whole calls, ${streams} streams, ${news.length} failed or cut`);
    for (const line of byKind(news)) console.error(line);
    before = now;
    failed += news.length;
  };
  const rotate = async (what: string, keys: string): Promise<void> => {
    const model = `during ${what}`;
    await deployment.rollOut({ environment: { ...common, CREDENTIALS_KEYS: keys } }, async () => {
      await register(front.url, secretWorker(model, site.ports[6] ?? 0));
      await sleep(1_000);
      models.push(model);
      await sleep(3_000);
    });
    await note(`keys: ${what}`);
  };

  await sleep(5_000);
  await note('nothing');
  await deployment.rollOut({ environment: { ...common } });
  await note('a rolling restart');
  await rotate('k1 to k1,k2', `${K1},${K2}`);
  await rotate('k1,k2 to k2,k1', `${K2},${K1}`);
  await note(`sealing again, ${await untilResealed()}`);
  await rotate('k2,k1 to k2', K2);
  const open = { ...common, CREDENTIALS_KEYS: K2, UPSTREAM_DENY_CIDRS: '' };
  await deployment.rollOut({ environment: open }, async (newest) => {
    // The replicas that are left of the former rules must not call this one, and have the others.
    await register(newest, chatWorker('chat', site.elsewhere, '/steady', { host: '127.0.0.2' }));
    await sleep(3_000);
  });
  await note('addresses: one more is allowed');
  await deployment.rollOut({ environment: { ...open, UPSTREAM_DENY_CIDRS: '127.0.0.2' } });
  await note('addresses: one less is allowed');
  await traffic.stop();
  console.log(aligned([['while', 'whole calls', 'streams', 'failed or cut'], ...rows]));
  for (const line of site.complaints().slice(0, 20)) console.log(`complaint: ${line}`);
  if (failed > 0) process.exitCode = 1;
} finally {
  await nginx?.stop();
  await site.close();
}

function secretWorker(model: string, port: number): object {
  return chatWorker(model, port, '/secret', { header: { authorization: WORKER_KEY } });
}

/** Until no credential needs the former key. */
async function untilResealed(): Promise<string> {
  const startedMs = performance.now();
  for (;;) {
    const [row] = await site.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM worker WHERE sealed_header LIKE 'v1.k1.%'`,
    );
    const tookMs = performance.now() - startedMs;
    if (row?.n === 0) return `${(tookMs / 1_000).toFixed(1)} s`;
    if (tookMs > MOST_RESEALING_MS) return `not done: ${row?.n} credentials need the former key`;
    await sleep(500);
  }
}
