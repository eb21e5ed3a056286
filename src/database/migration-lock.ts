import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DatabaseClient, hangUp, queryOf } from './database-client.js';
import { type DatabaseAddress, pgOptions } from './data-source.js';
import { advisoryLockHolders, LockWaitError, lockWaitOf, WaitReporter } from './lock-wait.js';

/** An arbitrary constant of this service: the key of the advisory lock that a migration holds. */
export const MIGRATION_LOCK = 7_306_121_995;
const TRY_AGAIN_MS = 250;

export interface MigrationLockOptions {
  readonly address: DatabaseAddress;
  /** The timeout of each answer of the server. */
  readonly answerMs: number;
  /** How long to wait for the lock. */
  readonly patienceMs: number;
  readonly stop: AbortSignal;
  /** Receives one line for each lock that is waited for. */
  readonly warn: (line: string) => void;
}

/** What the migration knows while it holds the lock. */
export interface MigrationLock {
  /** Aborted when the server is silent, the lock is lost or the process stops. */
  readonly lost: AbortSignal;
  /** From now on waits of this session are reported. */
  watch(pid: number): void;
  /** The last wait of that session, in words. */
  lastWait(): string | null;
}

/**
 * Runs `use` while no other process migrates this database. The lock belongs to an open transaction, not to a session, so
 * that a transaction pooler cannot leave it behind; it is polled, so that nothing hangs on a silent server.
 * @throws LockWaitError
 */
export async function underMigrationLock<T>(
  options: MigrationLockOptions,
  use: (lock: MigrationLock) => Promise<T>,
): Promise<T> {
  const { address, answerMs, stop } = options;
  const silence = new AbortController();
  const lost = AbortSignal.any([stop, silence.signal]);
  const socket = new Socket({ signal: lost });
  const client = new DatabaseClient({
    ...pgOptions(address, 'migrate-lock'),
    query_timeout: answerMs,
    stream: () => socket,
  });
  client.on('error', (error) => silence.abort(error));
  try {
    await client.connect();
    const reporter = new WaitReporter(options.warn);
    const watched: Watched = { pid: null };
    await take(client, options, lost, reporter);
    return await whileItAnswers(client, silence, reporter, watched, () =>
      use({ lost, watch: (pid) => (watched.pid = pid), lastWait: () => reporter.last }),
    );
  } catch (error) {
    // The error of an aborted query says only that it was aborted.
    throw lost.aborted ? lost.reason : error;
  } finally {
    await hangUp(client, socket);
  }
}

/** The session that migrates, once it is connected. */
interface Watched {
  pid: number | null;
}

/** Ending the connection ends the transaction, which releases the lock. */
async function take(
  client: pg.Client,
  { patienceMs }: MigrationLockOptions,
  lost: AbortSignal,
  reporter: WaitReporter,
): Promise<void> {
  const startedMs = performance.now();
  await client.query('BEGIN');
  await client.query('SET LOCAL idle_in_transaction_session_timeout = 0');
  for (;;) {
    const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.mine === true) return;
    const holders = await advisoryLockHolders(queryOf(client), MIGRATION_LOCK);
    // Empty when it was released in between.
    const wait = holders.length > 0 ? reporter.saw({ lock: 'another migration to end', holders }) : 'waiting';
    const waitedMs = performance.now() - startedMs;
    if (waitedMs > patienceMs) throw new LockWaitError(wait, waitedMs);
    await sleep(TRY_AGAIN_MS, undefined, { signal: lost });
  }
}

/** Finds what the migration waits for, which also proves that the server answers and the lock is held. */
async function whileItAnswers<T>(
  client: pg.Client,
  silence: AbortController,
  reporter: WaitReporter,
  watched: Readonly<Watched>,
  use: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const watching = (async () => {
    while (!done.signal.aborted) {
      await sleep(TRY_AGAIN_MS, undefined, { signal: done.signal }).catch(() => {});
      if (done.signal.aborted) return;
      const wait = await lockWaitOf(queryOf(client), watched.pid);
      if (wait !== null) reporter.saw(wait);
    }
  })().catch((error: unknown) => silence.abort(error));
  try {
    return await use();
  } finally {
    done.abort();
    await watching;
  }
}
