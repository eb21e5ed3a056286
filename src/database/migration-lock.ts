import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type DatabaseAddress, hangUp, pgOptions } from './data-source.js';

/** An arbitrary constant of this service: the key of the advisory lock that a migration holds. */
const MIGRATION_LOCK = 7_306_121_995;
const TRY_AGAIN_MS = 250;

export interface MigrationLockOptions {
  readonly address: DatabaseAddress;
  /** The timeout of each answer of the server, and how often it is tested while a migration runs. */
  readonly answerMs: number;
  readonly stop: AbortSignal;
}

/**
 * Runs `use` while no other process migrates this database. The lock belongs to an open transaction, not to a session, so
 * that a transaction pooler cannot leave it behind; it is polled, so that nothing hangs on a silent server. `lost` is aborted when the server is silent, the lock is lost or `stop` is aborted.
 */
export async function underMigrationLock<T>(
  { address, answerMs, stop }: MigrationLockOptions,
  use: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const silence = new AbortController();
  const lost = AbortSignal.any([stop, silence.signal]);
  const socket = new Socket({ signal: lost });
  const client = new pg.Client({
    ...pgOptions(address, 'migrate-lock'),
    query_timeout: answerMs,
    stream: () => socket,
  });
  client.on('error', (error) => silence.abort(error));
  try {
    await client.connect();
    await take(client, lost);
    return await whileItAnswers(client, answerMs, silence, () => use(lost));
  } catch (error) {
    // The error of an aborted query says only that it was aborted.
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    await hangUp(client, socket);
  }
}

/** Ending the connection ends the transaction, which releases the lock. */
async function take(client: pg.Client, lost: AbortSignal): Promise<void> {
  await client.query('BEGIN');
  await client.query('SET LOCAL idle_in_transaction_session_timeout = 0');
  for (;;) {
    const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.mine === true) return;
    await sleep(TRY_AGAIN_MS, undefined, { signal: lost });
  }
}

async function whileItAnswers<T>(
  client: pg.Client,
  proofMs: number,
  silence: AbortController,
  use: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const proving = (async () => {
    while (!done.signal.aborted) {
      await sleep(proofMs, undefined, { signal: done.signal }).catch(() => {});
      if (!done.signal.aborted) await client.query('SELECT 1');
    }
  })().catch((error: unknown) => silence.abort(error));
  try {
    return await use();
  } finally {
    done.abort();
    await proving;
  }
}
