import { chmodSync, existsSync, lchownSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { canReach, faultOf, type PostgresUser } from './postgres-user.js';
import { createHash } from 'crypto';

/**
 * `home` belongs to the service (it holds keys); PostgreSQL's user may write only to `postgres`. If those are two users,
 * the service creates no file below `postgres`, so that a link planted there has no effect.
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

/** Creates the folders and changes the owner of `postgres`. @throws EmbeddedPostgresError UNREACHABLE */
export function prepareDataDirectory(
  dataDir: string,
  user: PostgresUser,
  relocationBases: readonly string[] = RELOCATION_BASES,
): DataDirectory {
  const requested = makeDataDir(dataDir, user);
  if (!user.isOther) return layOut(requested, user, []);
  const candidates = relocationBases.map((base) => relocatedHome(requested, base));
  const relocated = candidates.find((home) => hasDatabase(home) && faultOf(home, 0) === undefined);
  const placement = placeDatabase({
    reachable: canReach(user, [requested]),
    hasDatabase: hasDatabase(requested),
    relocatedHasDatabase: relocated !== undefined,
  });
  if (placement === 'here') return layOut(requested, user, []);
  if (placement === 'relocated') {
    const home = relocated ?? makeRelocatedHome(requested, candidates, user);
    return layOut(home, user, [
      `The embedded database of ${requested} is kept in ${join(home, 'postgres')}: the service runs as root, PostgreSQL cannot, and uid ${user.uid} could not enter DATA_DIR when the database was made. To have it in DATA_DIR, choose one that every user can enter, or start as an ordinary user.`,
    ]);
  }
  throw new EmbeddedPostgresError(
    'UNREACHABLE',
    `The service runs as root, so PostgreSQL runs as uid ${user.uid}, which cannot reach its database in ${join(requested, 'postgres')}. Let it through (chmod o+x ${closedFolder(requested, user)}), or start the service as an ordinary user.`,
  );
}

/** An existing database is kept, wherever it is: starting an empty one beside it would look like data loss. */
export function placeDatabase(facts: PlacementFacts): 'here' | 'relocated' | 'cut off' {
  if (facts.reachable) return facts.relocatedHasDatabase && !facts.hasDatabase ? 'relocated' : 'here';
  return facts.hasDatabase ? 'cut off' : 'relocated';
}

function makeDataDir(dataDir: string, user: PostgresUser): string {
  const requested = resolve(dataDir);
  try {
    mkdirSync(requested, { recursive: true, mode: user.isOther ? 0o711 : 0o700 });
    const folder = realpathSync(requested);
    const { uid, mode } = lstatSync(folder);
    // Permission to enter is not permission to list: the content keeps its own permissions.
    if (user.isOther && uid === 0 && (mode & 0o001) === 0) chmodSync(folder, (mode & 0o7777) | 0o011);
    return folder;
  } catch (cause) {
    throw unusable(requested, cause);
  }
}

function layOut(home: string, user: PostgresUser, notices: readonly string[]): DataDirectory {
  const postgres = join(home, 'postgres');
  try {
    mkdirSync(postgres, { mode: 0o700 });
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw unusable(home, cause);
  }
  // Only root's own folder changes its owner: the folder of another user may hold hard links to files of others.
  const found = lstatSync(postgres);
  if (user.isOther && found.isDirectory() && found.uid === 0) lchownSync(postgres, user.uid, user.gid);
  const fault = faultOf(postgres, user.uid);
  if (fault !== undefined) {
    throw new EmbeddedPostgresError(
      'UNREACHABLE',
      `The embedded database's folder ${postgres} ${fault}, but PostgreSQL must run as uid ${user.uid}. Start the service as the user it ran as before, change its owner (chown -R ${user.uid}:${user.gid}), or set DATA_DIR to another folder.`,
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
    `DATA_DIR ${folder} cannot be created or written to (${String(cause)}). Set DATA_DIR to a folder the service can write to, or set DATABASE_URL.`,
    { cause },
  );
}

/** Where root may keep a database if uid 65534 cannot enter DATA_DIR. /var/tmp is often cleaned by age, so it comes second. */
export const RELOCATION_BASES: readonly string[] = ['/var/lib', '/var/tmp'];

/** The same name for the same DATA_DIR, so that the next start finds it. */
export function relocatedHome(dataDir: string, base: string): string {
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return join(base, `multi-model-manager-${name}`);
}

/** Creates or finds the first possible candidate. @throws EmbeddedPostgresError UNREACHABLE if it is not ours, or none is possible */
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
        `uid ${user.uid} cannot enter DATA_DIR ${dataDir}, and ${home}, the folder to use instead, ${fault}: this service did not create it. Remove it, or set DATA_DIR to a folder every user can enter.`,
      );
    }
    if (canReach(user, [home])) return home;
  }
  throw new EmbeddedPostgresError(
    'UNREACHABLE',
    `The service runs as root, so PostgreSQL runs as uid ${user.uid}, which cannot enter DATA_DIR ${dataDir}. Let it through (chmod o+x ${closedFolder(dataDir, user)}), set DATA_DIR to a folder every user can enter, or start the service as an ordinary user.`,
  );
}

/** The outermost folder on the path that the user cannot enter. */
export function closedFolder(path: string, user: PostgresUser): string {
  const parent = dirname(path);
  return parent === path || canReach(user, [parent]) ? path : closedFolder(parent, user);
}

/** Whether the folder exists afterwards: before, or created now. */
function exists(home: string): boolean {
  try {
    mkdirSync(home);
    chmodSync(home, 0o711); // whatever the umask
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EEXIST'; // otherwise the base is missing or read-only
  }
}
