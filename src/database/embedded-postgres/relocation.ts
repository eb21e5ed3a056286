import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { canReach, type PostgresUser } from './postgres-user.js';
import { faultOf } from './trusted-folder.js';

/** Where root may keep a database whose DATA_DIR is closed to uid 65534. /var/tmp is commonly swept by age, so it comes second. */
export const RELOCATION_BASES: readonly string[] = ['/var/lib', '/var/tmp'];

/** The same name for the same DATA_DIR, so that the next start finds it. */
export function relocatedHome(dataDir: string, base: string): string {
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return join(base, `multi-model-manager-${name}`);
}

/** Makes or finds the first candidate that can be had. @throws EmbeddedPostgresError UNREACHABLE if it is not ours, or none can be had */
export function makeRelocatedHome(
  dataDir: string,
  candidates: readonly string[],
  user: PostgresUser,
): string {
  for (const home of candidates) {
    if (!exists(home)) continue;
    const fault = faultOf(home, 0);
    if (fault !== undefined) {
      throw new EmbeddedPostgresError(
        'UNREACHABLE',
        `uid ${user.uid} cannot enter DATA_DIR ${dataDir}, and ${home}, the folder to use instead, ${fault}: this service did not make it. Remove it, or set DATA_DIR to a folder every user can enter.`,
      );
    }
    if (canReach(user, [home])) return home;
  }
  throw new EmbeddedPostgresError(
    'UNREACHABLE',
    `The service runs as root, so PostgreSQL runs as uid ${user.uid}, which cannot enter DATA_DIR ${dataDir}. Let it through (chmod o+x ${closedFolder(dataDir, user)}), set DATA_DIR to a folder every user can enter, or start the service as an ordinary user.`,
  );
}

/** The outermost folder on the way to `path` that does not let the user through. */
export function closedFolder(path: string, user: PostgresUser): string {
  const parent = dirname(path);
  return parent === path || canReach(user, [parent]) ? path : closedFolder(parent, user);
}

/** Whether it is there in the end: there before, or made now. */
function exists(home: string): boolean {
  try {
    mkdirSync(home);
    chmodSync(home, 0o711); // whatever the umask
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EEXIST'; // else no such base, or read-only
  }
}
