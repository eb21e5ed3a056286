import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { aligned } from '../simulate/table.js';
import { Deployment } from './deployment.js';
import {
  chatWorker,
  drain,
  filmWorker,
  register,
  remove,
  ROOT,
  Site,
  submitJob,
  WORKER_KEY,
} from './site.js';
import { byKind, send, type Tally, Traffic } from './traffic.js';

/**
 * `npm run drill:upgrade -- --before DIR`: another build serves under calls, streams, jobs and registrations; this build migrates
 * and joins; both serve; then the other one comes back, on the migrated database. It takes about four minutes, and writes a
 * line after each step. Ends with 1 if anything failed.
 */
const { values: options } = parseArgs({
  options: {
    /** A checkout of the release before, built with `npm run build`. */
    before: { type: 'string' },
    replicas: { type: 'string', default: '2' },
    /** How long both builds serve together, each time. */
    seconds: { type: 'string', default: '20' },
  },
});
if (options.before === undefined)
  throw new Error('--before DIR is missing: a checkout of the release before, built');
const [before, now] = [{ root: resolve(options.before) }, { root: ROOT }].map((setting) => ({
  ...setting,
  environment: { SHUTDOWN_DELAY_MS: '2000' },
}));
const together = (): Promise<void> => sleep(Number(options.seconds) * 1_000);

const site = await Site.open(8);
const stopping = new AbortController();
const rows: string[][] = [];
const faults: string[] = [];
let urls: readonly string[] = [];
let turn = 0;
let chores = 0;
const anyUrl = (): string => urls[(turn += 1) % urls.length] ?? '';

try {
  const deployment = new Deployment(site, Number(options.replicas), (ready) => (urls = ready));
  await deployment.start(before ?? {});
  for (const port of site.ports.slice(0, 4)) await register(anyUrl(), chatWorker('chat', port, '/steady'));
  for (const port of site.ports.slice(4, 6))
    await register(
      anyUrl(),
      chatWorker('secret', port, '/secret', { header: { authorization: WORKER_KEY } }),
    );
  await register(anyUrl(), filmWorker(site.ports[6] ?? 0));
  const traffic = new Traffic({
    url: anyUrl,
    models: () => ['chat', 'secret'],
    wholeEveryMs: 60,
    streamEveryMs: 200,
  });
  const managing = manage();

  let seen: Tally = traffic.tally;
  let [seenFaults, seenChores] = [0, 0];
  const note = async (what: string): Promise<void> => {
    await sleep(5_000);
    const tally = traffic.tally;
    const news = tally.failures.slice(seen.failures.length);
    const [whole, streams] = [tally.whole - seen.whole, tally.streams - seen.streams];
    const failed = news.length + faults.length - seenFaults;
    rows.push([what, ...[whole, streams, chores - seenChores, failed].map(String)]);
    console.error(`${what}: ${whole} whole calls, ${streams} streams, ${failed} failed`);
    for (const line of byKind(news)) console.error(line);
    for (const fault of faults.slice(seenFaults, seenFaults + 5)) console.error(fault);
    [seen, seenFaults, seenChores] = [tally, faults.length, chores];
    if (news.length > 0 || faults.length > 0) process.exitCode = 1;
  };

  await together();
  await note('the build before serves');
  await deployment.rollOut(now ?? {}, together);
  await note('this build migrates and joins');
  await together();
  await note('this build serves');
  await deployment.rollOut(before ?? {}, together);
  await note('the build before comes back');
  await together();
  await note('it serves on the migrated database');
  stopping.abort();
  await managing;
  await traffic.stop();
  await jobsEnd();
  console.log(aligned([['while', 'whole calls', 'streams', 'changes and jobs', 'failed'], ...rows]));
  for (const line of site.complaints().slice(0, 20)) console.log(`complaint: ${line}`);
} finally {
  stopping.abort();
  await site.close();
}

/** What operators, pods and clients of long work do meanwhile, each at any replica. */
async function manage(): Promise<void> {
  while (!stopping.signal.aborted) {
    await chore();
    await sleep(200);
  }
}

async function chore(): Promise<void> {
  try {
    const name = `passing-${(chores += 1)}`;
    const id = await register(
      anyUrl(),
      chatWorker(name, site.ports[7] ?? 0, '/secret', { header: { authorization: WORKER_KEY } }),
    );
    await expectOk('PATCH', `/api/v1/workers/${id}`, { weight: 2, labels: { rack: 'r1' } });
    await expectOk('POST', `/api/v1/workers/${id}/disable`);
    await expectOk('POST', `/api/v1/workers/${id}/enable`);
    await expectOk('POST', `/api/v1/workers/${id}/probe`);
    await expectOk('GET', `/api/v1/workers/${id}/events`);
    await expectOk('PUT', `/api/v1/models/${name}`, { retries: 1 });
    await expectOk('GET', `/api/v1/models`);
    await expectOk('GET', `/api/server/workers?detail=true`);
    await submitJob(anyUrl(), `a picture for ${name}`);
    await drain(anyUrl(), id);
    await remove(anyUrl(), id);
    await expectOk('DELETE', `/api/v1/models/${name}`);
  } catch (error) {
    faults.push(`${new Date().toISOString()} ${String(error)}`);
  }
}

async function expectOk(method: string, path: string, body?: object): Promise<void> {
  const { status, text } = await send(method, anyUrl() + path, body);
  if (status < 200 || status > 299) throw new Error(`${method} ${path} was answered ${status}: ${text}`);
}

async function jobsEnd(): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    const [row] = await site.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM job WHERE ended_at IS NULL`,
    );
    if (row?.n === 0) break;
    await sleep(500);
  }
  const ends = await site.query<{ state: string; n: number }>(
    `SELECT coalesce(error_code, state) AS state, count(*)::int AS n FROM job GROUP BY 1`,
  );
  console.log(`jobs: ${ends.map(({ state, n }) => `${n} ${state}`).join(', ')}\n`);
  if (ends.some(({ state }) => state !== 'succeeded')) process.exitCode = 1;
}
