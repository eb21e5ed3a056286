import { createHash } from 'node:crypto';
import { lchownSync, mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataDirectory } from './data-directory.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { canReach, faultOf, type PostgresUser } from './postgres-user.js';

/** Only part of the socket's name: the server does not listen on TCP. */
export const PORT = 5432;

export interface SocketDirectory {
  readonly path: string;
  /** The folder was created for the socket and is removed with it. */
  readonly isTemporary: boolean;
}

/** sockaddr_un's sun_path less the closing zero byte: unix(7), macOS's sys/un.h. */
export function socketPathLimit(os: string): number {
  return os === 'darwin' ? 103 : 107;
}

export function socketPath(folder: string): string {
  return join(folder, `.s.PGSQL.${PORT}`);
}

/** Beside the database, or in a short temporary folder if that path is too long. @throws EmbeddedPostgresError UNREACHABLE */
export function makeSocketDirectory(
  directory: DataDirectory,
  user: PostgresUser,
  bases: readonly string[] = [tmpdir(), '/tmp', '/var/tmp'],
): SocketDirectory {
  if (fits(directory.postgres)) return { path: directory.postgres, isTemporary: false };
  for (const base of bases) {
    const path = makeTemporary(base, directory, user);
    if (path === undefined) continue;
    if (fits(path) && canReach(user, [path])) return { path, isTemporary: true };
    removeSocketDirectory({ path, isTemporary: true });
  }
  throw new EmbeddedPostgresError(
    'UNREACHABLE',
    `The path of DATA_DIR ${directory.home} is too long for a Unix socket (${socketPathLimit(process.platform)} bytes), and no temporary folder could be created for it. Set DATA_DIR to a shorter path, or TMPDIR to a writable folder.`,
  );
}

/** Removes only an empty folder: postgres removes its socket itself. */
export function removeSocketDirectory(socket: SocketDirectory): void {
  if (!socket.isTemporary) return;
  try {
    rmdirSync(socket.path);
  } catch {
    // removed already, or postgres was killed and left its socket: the next start uses the folder again
  }
}

function fits(folder: string): boolean {
  return Buffer.byteLength(socketPath(folder)) <= socketPathLimit(process.platform);
}

/** The same name for the same database, so that the next start finds it; another one if that belongs to another user. */
function makeTemporary(base: string, directory: DataDirectory, user: PostgresUser): string | undefined {
  const name = createHash('sha256').update(directory.cluster).digest('hex').slice(0, 16);
  const usual = join(base, `multi-model-manager-${name}`);
  try {
    if (isMade(usual)) return handOver(usual, user);
    if (faultOf(usual, user.uid) === undefined) return usual;
    return handOver(mkdtempSync(join(base, 'multi-model-manager-')), user);
  } catch {
    return undefined; // no such base, or read-only
  }
}

function isMade(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}

function handOver(folder: string, user: PostgresUser): string {
  if (user.isOther) lchownSync(folder, user.uid, user.gid);
  return folder;
}
