import { rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { DataDirectory } from './data-directory.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import {
  type Holder,
  holderOf,
  type Illegible,
  judgePostmasterPid,
  type PostmasterPid,
  readPostmasterPid,
} from './postmaster-pid.js';
import { socketPath } from './socket-directory.js';

const POLL_MS = 50;

/** How long processes of a killed server may take to end: they notice only between queries. */
const SURVIVOR_PATIENCE_MS = 15_000;

/**
 * Starts a server once no other holds the data folder: a server orphaned by a killed service ends in a moment, that of a
 * running service does not. @throws EmbeddedPostgresError IN_USE, and what `start` throws
 */
export async function whenVacant<T>(
  directory: DataDirectory,
  socketDirectory: string,
  start: () => Promise<T>,
): Promise<T> {
  const since = performance.now();
  for (;;) {
    await untilVacant(directory, socketDirectory);
    try {
      return await start();
    } catch (error) {
      if (!isHeldByAnother(error)) throw error;
      if (performance.now() - since > SURVIVOR_PATIENCE_MS)
        throw inUse(directory, 'processes that outlived it', error);
      await sleep(POLL_MS);
    }
  }
}

/** PostgreSQL's own two locks: another start was faster, or processes of a killed server still hold its shared memory. */
function isHeldByAnother(error: unknown): boolean {
  if (!(error instanceof EmbeddedPostgresError) || error.code !== 'START') return false;
  return /lock file "postmaster\.pid" already exists|pre-existing shared memory block/.test(error.message);
}

async function untilVacant(directory: DataDirectory, socketDirectory: string): Promise<void> {
  const since = performance.now();
  for (;;) {
    const found = readPostmasterPid(directory.cluster);
    if (found === undefined) return;
    const holder = await holderOfFolder(directory, socketDirectory, found);
    switch (judgePostmasterPid(found, holder, performance.now() - since)) {
      case 'go ahead':
        return;
      case 'remove the file':
        removeLocks(directory, socketDirectory, found);
        return;
      case 'in use':
        throw inUse(directory, described(found, holder));
      case 'wait':
        await sleep(POLL_MS);
    }
  }
}

function described(file: PostmasterPid | Illegible, holder: Holder): string {
  if (holder === 'out of sight' || file === 'illegible') return 'in another container';
  return `process ${file.pid}`;
}

async function holderOfFolder(
  directory: DataDirectory,
  socketDirectory: string,
  file: PostmasterPid | Illegible,
): Promise<Holder> {
  const holder = file === 'illegible' ? 'gone' : holderOf(file.pid, directory.cluster);
  if (holder === 'a postgres of this folder') return holder;
  return (await answers(socketDirectory)) ? 'out of sight' : holder;
}

/** Both files name the same pid and would stop PostgreSQL; checked again, so that those of another start stay. */
function removeLocks(
  directory: DataDirectory,
  socketDirectory: string,
  judged: PostmasterPid | Illegible,
): void {
  if (!isDeepStrictEqual(readPostmasterPid(directory.cluster), judged)) return;
  rmSync(join(directory.cluster, 'postmaster.pid'), { force: true });
  rmSync(`${socketPath(socketDirectory)}.lock`, { force: true });
}

/**
 * A pid means nothing across containers that share a volume; a socket with a listener does. Children of a killed server
 * may listen for a moment longer, so this is no reason to give up at once.
 */
function answers(socketDirectory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath(socketDirectory));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function inUse(directory: DataDirectory, where: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'IN_USE',
    `The embedded database in ${directory.postgres} is in use by a PostgreSQL server (${where}). Stop the service that runs it, give this one a DATA_DIR of its own, or let both share a server through DATABASE_URL.`,
    { cause },
  );
}
