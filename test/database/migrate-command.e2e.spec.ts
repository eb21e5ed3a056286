import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { LockWaitError } from '../../src/database/lock-wait.js';
import { exitCodeOf, migrateCommand, showStates } from '../../src/database/commands/migrate-command.js';
import { MIGRATION_LOCK } from '../../src/database/migration-lock.js';
import { databaseForTest, type TestDatabase } from '../database.js';
import { databaseSettings, ROOT, startProcess } from '../process.js';
import { PATIENT_MS, until } from '../until.js';

const COMMAND = [process.execPath, `${ROOT}/dist/src/database/commands/migrate.js`] as const;
/** As in a container: the command is process 1, for which the kernel has no default signal handlers. */
const AS_PROCESS_1 = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  '--pid',
  '--fork',
  '--mount-proc',
  '--kill-child',
];
const canUnshare = spawnSync('env', [...AS_PROCESS_1, 'true']).status === 0;

const SESSIONS = `SELECT FROM pg_stat_activity
  WHERE application_name LIKE 'mmm migrate %' AND datname = current_database()`;

function start(database: TestDatabase, args: readonly string[], around: readonly string[] = []) {
  const [program = '', ...rest] = [...around, ...COMMAND, ...args];
  return startProcess(databaseSettings(database.address), { command: [program, ...rest] });
}

async function run(database: TestDatabase, ...args: string[]) {
  const command = start(database, args);
  const { code } = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

/** Another session, in a transaction that stays open. */
async function holding(database: TestDatabase, sql: string): Promise<void> {
  const client = new pg.Client(pgOptions(database.address, 'test'));
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(`BEGIN; ${sql}`);
}

describe('the command that migrates', () => {
  it('prints SQL that can be run by hand, and refuses a revert that would lose rows', async () => {
    const database = await databaseForTest(null);
    const printed = await run(database, 'sql');
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    await database.query(printed.stdout);
    await database.query(`INSERT INTO worker (model_name, req_url_template) VALUES ('m', 'http://u/');
      DELETE FROM migration WHERE name <> 'CreateRegistry1795000000000'`);
    const refused = await run(database, 'revert');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/loses rows: worker 1, worker_probe 1, worker_event 1\. With --lose-rows/);
    expect(await database.query('SELECT FROM worker')).toHaveLength(1);
  });

  it.skipIf(!canUnshare)('stops at once by SIGTERM while it waits, as process 1 of a container', async () => {
    const database = await databaseForTest(null);
    await holding(database, `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const command = start(database, ['run'], AS_PROCESS_1);
    await until(
      () => command.stderr.includes('waiting for another migration to end, held by pid'),
      PATIENT_MS,
    );
    const unshared = command.pid;
    const [child] = readFileSync(`/proc/${unshared}/task/${unshared}/children`, 'utf8').trim().split(' ');
    process.kill(Number(child), 'SIGTERM');
    expect(await command.exited).toEqual({ code: 143, signal: null });
    // With LOG_FORMAT=json, as all tests start it.
    const lines = command.stderr.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: 'warn' }),
      expect.objectContaining({
        level: 'fatal',
        msg: 'stopped by SIGTERM; what was running is rolled back',
      }),
    ]);
  });

  it('stops at once by SIGINT while a migration waits for a table', async () => {
    const database = await databaseForTest(null);
    await holding(database, 'CREATE TABLE worker ()');
    const command = start(database, ['run']);
    const waiting = `${SESSIONS} AND wait_event_type = 'Lock'`;
    await until(async () => (await database.query(waiting)).length > 0, PATIENT_MS);
    command.signal('SIGINT');
    expect(await command.exited).toEqual({ code: 130, signal: null });
    // The session is gone, too, though its statement was still waiting.
    await until(async () => (await database.query(SESSIONS)).length === 0);
  });
});

describe('the output of the command that migrates', () => {
  it('is its usage when it gets words it does not know', async () => {
    const lines: string[] = [];
    const output = { print: () => {}, warn: (line: string) => lines.push(line) };
    expect(await migrateCommand(['revert', '--force'], new AbortController().signal, output)).toBe(64);
    expect(lines).toEqual([expect.stringMatching(/^migrate\.js show .*\n[^]*--lose-rows/)]);
  });

  it('has an exit code of its own for a lock that was not free', () => {
    expect(exitCodeOf(new LockWaitError('waiting', 1))).toBe(75);
    expect(exitCodeOf(new Error('any other'))).toBe(1);
  });

  it('shows times, and migrations of another release', () => {
    const ranAt = new Date(Date.UTC(2026, 0, 2));
    expect(
      showStates([
        { name: 'A1', state: 'ran', ranAt: null },
        { name: 'B2', state: 'foreign', ranAt },
        { name: 'C3', state: 'pending', ranAt: null },
      ]),
    ).toBe(
      'ran      time not recorded         A1\n' +
        'foreign  2026-01-02T00:00:00.000Z  B2  (not of this release)\n' +
        'pending                            C3\n' +
        '1 pending\n',
    );
  });
});
