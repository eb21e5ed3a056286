import { join } from 'node:path';
import { drill, type DrillReport } from './drill.js';
import { seededRandom } from '../../test/seeded-random.js';

/**
 * `npm run drill:jobs -- [jobs] [seconds] [never|once|ask]`: replicas and PostgreSQL are killed at random while jobs run.
 * DRILL_SEED repeats the random choices. Ends with 1 if a job was lost, ended twice or was submitted twice.
 */
const [jobs = '1000', seconds = '300', resubmit = 'never'] = process.argv.slice(2);
const seed = Number(process.env['DRILL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const log = (line: string): void => void process.stdout.write(`${line}\n`);

log(`DRILL_SEED=${seed} repeats the random choices; ${jobs} jobs, ${seconds} s, resubmit: ${resubmit}`);
const found = await drill({
  root: join(import.meta.dirname, '../../..'),
  jobs: Number(jobs),
  replicas: 3,
  forMs: Number(seconds) * 1000,
  random: seededRandom(seed),
  replicaKillMs: [1_500, 4_500],
  postgresKillMs: [15_000, 30_000],
  taskMs: [6_000, 14_000],
  submitMs: 200,
  maxConcurrency: 60,
  resubmit: resubmit === 'once' || resubmit === 'ask' ? resubmit : 'never',
  graceMs: 240_000,
  tuning: {},
  log,
});
const { complaints, ...figures } = found;
for (const line of complaints.slice(0, 20)) log(`        ${line}`);
log(JSON.stringify(figures, null, 2));
process.exitCode = isClean(found) ? 0 : 1;

function isClean({
  lost,
  unfinished,
  endedTwice,
  submittedTwice,
  submittedAfterStored,
}: DrillReport): boolean {
  return lost + unfinished + endedTwice + submittedTwice + submittedAfterStored === 0;
}
