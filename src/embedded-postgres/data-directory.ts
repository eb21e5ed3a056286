import { chmodSync, existsSync, lchownSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { canReach, type PostgresUser } from './postgres-user.js';
import { faultOf } from './postgres-user.js';
import { createHash } from 'crypto';
import { dirname } from 'node:path';

/**
 * `home` is the service's own (keys stand there); `postgres` is all that PostgreSQL's user may write to. Where those
 * are two users the service makes no file below `postgres`, so that a link planted there leads it nowhere.
 */
export interface DataDirectory {
  readonly home: string;
  readonly postgres: string;
  /** PostgreSQL's own data folder. */
  readonly cluster: string;
  readonly notices: readonly string[];
}

export interface PlacementFacts {
  readonly reachable: boolean;
  readonly hasDatabase: boolean;
  readonly relocatedHasDatabase: boolean;
}

/** Makes the folders and hands `postgres` over. @throws EmbeddedPostgresError UNREACHABLE */
export function prepareDataDirectory(
  dataDir: string,
  user: PostgresUser,
  relocationBases: readonly string[] = RELOCATION_BASES,
): DataDirectory {
  const asked = makeDataDir(dataDir, user);
  if (!user.isOther) return layOut(asked, user, []);
  const candidates = relocationBases.map((base) => relocatedHome(asked, base));
  const relocated = candidates.find((home) => hasDatabase(home) && faultOf(home, 0) === undefined);
  const placement = placeDatabase({
    reachable: canReach(user, [asked]),
    hasDatabase: hasDatabase(asked),
    relocatedHasDatabase: relocated !== undefined,
  });
  if (placement === 'here') return layOut(asked, user, []);
  if (placement === 'relocated') {
    const home = relocated ?? makeRelocatedHome(asked, candidates, user);
    return layOut(home, user, [
      `The embedded database of ${asked} is kept in ${join(home, 'postgres')}: the service runs as root, PostgreSQL cannot, and uid ${user.uid} could not enter DATA_DIR when the database was made. To have it in DATA_DIR, choose one that every user can enter, or start as an ordinary user.`,
    ]);
  }
  throw new EmbeddedPostgresError(
    'UNREACHABLE',
    `The service runs as root, so PostgreSQL runs as uid ${user.uid}, which cannot reach its database in ${join(asked, 'postgres')}. Let it through (chmod o+x ${closedFolder(asked, user)}), or start the service as an ordinary user.`,
  );
}

/** An existing database is stayed with, wherever it is: starting on an empty one beside it would look like loss. */
export function placeDatabase(facts: PlacementFacts): 'here' | 'relocated' | 'cut off' {
  if (facts.reachable) return facts.relocatedHasDatabase && !facts.hasDatabase ? 'relocated' : 'here';
  return facts.hasDatabase ? 'cut off' : 'relocated';
}

function makeDataDir(dataDir: string, user: PostgresUser): string {
  const asked = resolve(dataDir);
  try {
    mkdirSync(asked, { recursive: true, mode: user.isOther ? 0o711 : 0o700 });
    const folder = realpathSync(asked);
    const { uid, mode } = lstatSync(folder);
    // Entering is not listing: what stands in it keeps its own protection.
    if (user.isOther && uid === 0 && (mode & 0o001) === 0) chmodSync(folder, (mode & 0o7777) | 0o011);
    return folder;
  } catch (cause) {
    throw unusable(asked, cause);
  }
}

function layOut(home: string, user: PostgresUser, notices: readonly string[]): DataDirectory {
  const postgres = join(home, 'postgres');
  try {
    mkdirSync(postgres, { mode: 0o700 });
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw unusable(home, cause);
  }
  // Only what is root's own is handed over: somebody else's tree may hold hard links to what is not his.
  const found = lstatSync(postgres);
  if (user.isOther && found.isDirectory() && found.uid === 0) lchownSync(postgres, user.uid, user.gid);
  const fault = faultOf(postgres, user.uid);
  if (fault !== undefined) {
    throw new EmbeddedPostgresError(
      'UNREACHABLE',
      `The embedded database's folder ${postgres} ${fault}, but PostgreSQL is to run as uid ${user.uid}. Start the service as the user it ran as before, hand the folder over (chown -R ${user.uid}:${user.gid}), or set DATA_DIR to another folder.`,
    );
  }
  return { home, postgres, cluster: join(postgres, 'data'), notices };
}

function hasDatabase(home: string): boolean {
  return existsSync(join(home, 'postgres', 'data', 'PG_VERSION'));
}

function unusable(folder: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'UNREACHABLE',
    `DATA_DIR ${folder} cannot be made or written to (${String(cause)}). Set DATA_DIR to a folder the service can write to, or set DATABASE_URL.`,
    { cause },
  );
}

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
