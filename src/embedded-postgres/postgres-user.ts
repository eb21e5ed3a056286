import { execFile, spawnSync } from 'node:child_process';
import { accessSync, constants, lstatSync } from 'node:fs';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { SHELL } from './binaries.js';

/** The user of initdb and postgres: that of the service or, since both refuse root, `nobody`. */
export interface PostgresUser {
  readonly uid: number;
  readonly gid: number;
  /** True when this is another user than the service's: then the folder changes its owner and access is checked. */
  readonly isOther: boolean;
  /** Options of child_process; empty when the user stays the same. */
  readonly credentials: { readonly uid?: number; readonly gid?: number };
}

/** `nobody` of every current Linux distribution; no user is created. */
const NOBODY = 65534;

/** @throws EmbeddedPostgresError UNSUPPORTED for root elsewhere than on Linux, where uid 65534 has no passwd entry */
export function postgresUser(): PostgresUser {
  const uid = process.geteuid?.() ?? -1;
  const gid = process.getegid?.() ?? -1;
  if (uid !== 0) return { uid, gid, isOther: false, credentials: {} };
  if (process.platform !== 'linux') {
    throw new EmbeddedPostgresError(
      'UNSUPPORTED',
      'PostgreSQL refuses to run as root. Start the service as an ordinary user, or set DATABASE_URL.',
    );
  }
  return { uid: NOBODY, gid: NOBODY, isOther: true, credentials: { uid: NOBODY, gid: NOBODY } };
}

/**
 * Whether that user can execute each file and enter each folder. The check runs as that user, since mode bits are not
 * everything (ACLs, user namespaces, mounts). @throws EmbeddedPostgresError UNSUPPORTED if switching users is not allowed
 */
export function canReach(user: PostgresUser, paths: readonly string[]): boolean {
  if (!user.isOther) return paths.every(isExecutable);
  const script = 'for path; do [ -x "$path" ] || exit 1; done';
  const check = spawnSync(SHELL, ['-c', script, 'can-reach', ...paths], {
    ...user.credentials,
    cwd: '/',
    stdio: 'ignore',
  });
  if (check.error !== undefined) {
    throw new EmbeddedPostgresError(
      'UNSUPPORTED',
      `PostgreSQL refuses to run as root, and this process may not start one as uid ${user.uid} (${check.error.message}). Start the service as an ordinary user, or set DATABASE_URL.`,
      { cause: check.error },
    );
  }
  return check.status === 0;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Finished {
  /** Undefined when it ended with status 0 in time. */
  readonly failure: Error | undefined;
  readonly stderr: string;
}

export interface RunAsOptions {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Runs a program to its end as PostgreSQL's user. Never rejects. */
export function runAs(
  user: PostgresUser,
  command: string,
  args: readonly string[],
  options: RunAsOptions,
): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      {
        ...user.credentials,
        cwd: options.folder,
        env: options.environment,
        timeout: options.timeoutMs,
        killSignal: 'SIGKILL',
      },
      (error, _stdout, stderr) => resolve({ failure: error ?? undefined, stderr }),
    );
  });
}

/** Why a folder is not trusted as `uid`'s own, as a text that follows its name; undefined when it is trusted. */
export function faultOf(folder: string, uid: number): string | undefined {
  const found = lstatSync(folder);
  if (found.isSymbolicLink()) return 'is a link';
  if (!found.isDirectory()) return 'is not a folder';
  if (found.uid !== uid) return `belongs to uid ${found.uid}`;
  if ((found.mode & 0o022) !== 0) return 'can be written by others';
  return undefined;
}
