import { join } from 'node:path';
import { drill, type DrillEvent } from './drill.js';

/**
 * `npm run drill:usage -- [requests]`: what 50 keys used over 3 replicas, two of which are killed, with PostgreSQL killed twice and a replica
 * stopped in between. Ends with 1 if more was lost than a batch for each kill, or anything was counted twice.
 */
const [requests = '100000'] = process.argv.slice(2);
const log = (line: string): void => void process.stdout.write(`${line}\n`);
const events: readonly DrillEvent[] = [
  { at: 0.15, what: 'kill a replica' },
  { at: 0.35, what: 'kill the database' },
  { at: 0.5, what: 'stop a replica' },
  { at: 0.6, what: 'kill the database' },
  { at: 0.8, what: 'kill a replica' },
];

const { complaints, ...figures } = await drill({
  root: join(import.meta.dirname, '../../..'),
  requests: Number(requests),
  keys: 50,
  replicas: 3,
  callers: 48,
  events,
  databaseAwayMs: 10_000,
  log,
});
for (const line of complaints.slice(0, 20)) log(`        ${line}`);
log(JSON.stringify(figures, null, 2));
process.exitCode = figures.keysWithLoss + figures.keysCountedTwice + figures.keysThatDiffer === 0 ? 0 : 1;
