import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { type Binaries, missingLinks, program } from './binaries.js';
import { canReach, type PostgresUser } from './postgres-user.js';
import { abandonedScratch, scratchName } from './scratch-folder.js';

export interface RunnableBinaries {
  readonly binaries: Binaries;
  /** The environment that the programs need. */
  readonly environment: Readonly<Record<string, string>>;
  readonly notices: readonly string[];
}

/**
 * The installed package if it is usable unchanged; otherwise its missing links in a folder of the service, or a full
 * copy. `home` belongs to the service, so nothing that postgres may write to is ever executed.
 */
export function makeRunnable(packaged: Binaries, home: string, user: PostgresUser): RunnableBinaries {
  const missing = missingLinks(packaged);
  // macOS drops DYLD_LIBRARY_PATH when a program is started through /bin/sh, as by initdb.
  const linksCanStandApart = process.platform === 'linux';
  if (!isUsable(packaged, user) || (missing.length > 0 && !linksCanStandApart)) {
    const binaries = copyOf(packaged, home);
    return {
      binaries,
      environment: {},
      notices: [`PostgreSQL's programs were copied to ${binaries.packageFolder}`],
    };
  }
  if (missing.length === 0) return { binaries: packaged, environment: {}, notices: [] };
  const links = join(home, 'postgres-lib');
  makeFolder(links);
  for (const { source, target } of missing) {
    link(join(packaged.packageFolder, source), join(links, basename(target)));
  }
  const inherited = process.env['LD_LIBRARY_PATH'];
  const path = [links, join(packaged.packageFolder, 'native', 'lib'), ...(inherited ? [inherited] : [])];
  return { binaries: packaged, environment: { LD_LIBRARY_PATH: path.join(':') }, notices: [] };
}

function isUsable(binaries: Binaries, user: PostgresUser): boolean {
  const native = join(binaries.packageFolder, 'native');
  return canReach(user, [
    program(binaries, 'initdb'),
    program(binaries, 'postgres'),
    join(native, 'lib'),
    join(native, 'share', 'postgresql'),
  ]);
}

/** Created once per version, under another name first, so that a folder with the final name is complete. */
function copyOf(packaged: Binaries, home: string): Binaries {
  const prefix = `postgres-binaries-${packaged.version}`;
  const copy = { ...packaged, packageFolder: join(home, prefix) };
  if (existsSync(copy.packageFolder)) return copy;
  for (const name of abandonedScratch(home, `${prefix}.`))
    rmSync(join(home, name), { recursive: true, force: true });
  const scratch = join(home, scratchName(`${prefix}.`));
  try {
    makeFolder(scratch);
    cpSync(join(packaged.packageFolder, 'native'), join(scratch, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    });
    openToAll(join(scratch, 'native'));
    for (const { source, target } of missingLinks({ ...packaged, packageFolder: scratch })) {
      link(relative(dirname(target), source), join(scratch, target));
    }
    renameSync(scratch, copy.packageFolder);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(copy.packageFolder)) throw error; // else another start was faster
  }
  return copy;
}

function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  }
}

/** Whatever the umask. */
function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}

function link(to: string, at: string): void {
  try {
    if (readlinkSync(at) === to) return;
    rmSync(at);
  } catch {
    // does not exist yet
  }
  try {
    symlinkSync(to, at);
  } catch (error) {
    if (!existsSync(at)) throw error; // else another start was faster
  }
}
