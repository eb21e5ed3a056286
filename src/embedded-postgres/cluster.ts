import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { majorVersion, program } from './binaries.js';
import type { DataDirectory } from './data-directory.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { type PostgresUser, runAs } from './postgres-user.js';
import type { RunnableBinaries } from './runnable-binaries.js';
import { abandonedScratch, scratchName } from './scratch-folder.js';

/** initdb takes about a second; after a minute it counts as failed. */
const INITDB_TIMEOUT_MS = 60_000;

export interface ClusterOptions {
  readonly durable: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Creates PostgreSQL's data folder unless it exists: in a sibling folder, renamed when complete, so that an interrupted
 * initdb leaves nothing that looks like a database.
 * @throws EmbeddedPostgresError VERSION, INITDB, NO_PASSWD_ENTRY
 */
export async function ensureCluster(
  directory: DataDirectory,
  { binaries }: RunnableBinaries,
  user: PostgresUser,
  options: ClusterOptions,
): Promise<void> {
  const limits = {
    folder: directory.postgres,
    environment: options.environment,
    timeoutMs: INITDB_TIMEOUT_MS,
  };
  // Removed as the user that owns it: whatever the folder holds, only files of that user can be removed.
  const remove = (names: readonly string[]) => runAs(user, 'rm', ['-rf', '--', ...names], limits);
  const abandoned = abandonedScratch(directory.postgres, 'initdb-');
  if (abandoned.length > 0) await remove(abandoned);

  const wanted = majorVersion(binaries.version);
  if (isThere(directory.cluster, wanted)) return;

  const scratch = scratchName('initdb-');
  const args = initdbArguments(scratch, options);
  const { failure, stderr } = await runAs(user, program(binaries, 'initdb'), args, limits);
  try {
    if (failure !== undefined) throw initdbError(directory, user, stderr.trim() || failure.message, failure);
    moveInto(directory, scratch);
  } finally {
    if (existsSync(join(directory.postgres, scratch))) await remove([scratch]);
  }
  isThere(directory.cluster, wanted); // another start may have been faster, with another version
}

function initdbArguments(folder: string, { durable }: ClusterOptions): readonly string[] {
  const folderAndAccess = [
    '--pgdata',
    folder,
    '--username',
    'postgres',
    '--auth',
    'trust',
    '--no-instructions',
  ];
  // Built in, so that sorting does not change with the machine's C library; "C" is the one locale every library has.
  const locale = [
    '--encoding',
    'UTF8',
    '--locale-provider',
    'builtin',
    '--builtin-locale',
    'C.UTF-8',
    '--locale',
    'C',
  ];
  // Where huge pages are reserved but not granted to a container, "try" ends in SIGBUS.
  const memory = ['--set', 'huge_pages=off'];
  return [...folderAndAccess, ...locale, ...memory, ...(durable ? [] : ['--no-sync'])];
}

/** @throws EmbeddedPostgresError VERSION, or INITDB if the folder is not a data folder */
function isThere(cluster: string, wanted: string): boolean {
  const found = readVersion(cluster);
  if (found === undefined) return false;
  if (found === wanted) return true;
  throw new EmbeddedPostgresError(
    'VERSION',
    `The database in ${cluster} was made by PostgreSQL ${found}, and this release brings PostgreSQL ${wanted}. Start the release that made it and move the data with pg_dump and pg_restore, or set DATA_DIR to another folder.`,
  );
}

function readVersion(cluster: string): string | undefined {
  try {
    return readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  } catch (cause) {
    const entries = entriesOf(cluster);
    if (entries.length === 0) return undefined;
    throw new EmbeddedPostgresError(
      'INITDB',
      `${cluster} exists but is not a PostgreSQL data folder (no readable PG_VERSION). Move it away, or set DATA_DIR to another folder.`,
      { cause },
    );
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function moveInto(directory: DataDirectory, scratch: string): void {
  try {
    renameSync(join(directory.postgres, scratch), directory.cluster);
  } catch (error) {
    if (entriesOf(directory.cluster).length === 0) throw error;
    return; // another start was faster: its cluster is as good as ours
  }
  const folder = openSync(directory.postgres, 'r');
  fsyncSync(folder); // makes the new name durable
  closeSync(folder);
}

function initdbError(
  directory: DataDirectory,
  user: PostgresUser,
  output: string,
  cause: Error,
): EmbeddedPostgresError {
  if (output.includes('could not look up effective user ID')) {
    return new EmbeddedPostgresError(
      'NO_PASSWD_ENTRY',
      `PostgreSQL needs a passwd entry for the user it runs as, and uid ${user.uid} has none. Run as a user named in /etc/passwd (in node images: uid 1000), add an entry, or set DATABASE_URL to a PostgreSQL server.`,
      { cause },
    );
  }
  return new EmbeddedPostgresError(
    'INITDB',
    `PostgreSQL could not make a database in ${directory.postgres}. Check that the disk has room and allows programs to run, or set DATABASE_URL. Its output:\n${output}`,
    { cause },
  );
}
