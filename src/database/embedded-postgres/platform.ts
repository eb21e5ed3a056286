import { existsSync } from 'node:fs';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

export interface Platform {
  readonly os: string;
  readonly arch: string;
  /** Undefined where the C library is not glibc. */
  readonly glibcVersion: string | undefined;
  readonly hasShell: boolean;
}

/** initdb runs its commands through it, and so does our watchdog. */
export const SHELL = '/bin/sh';

const SUPPORTED: ReadonlySet<string> = new Set(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);

/** The npm package with this platform's binaries. @throws EmbeddedPostgresError UNSUPPORTED, MUSL */
export function packageFor(platform: Platform): string {
  const name = `${platform.os}-${platform.arch}`;
  if (platform.os === 'win32') {
    // node-postgres takes a socket path for a named pipe there, so the server would have to listen on TCP.
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

/** Which C library Node itself runs on; a loader's file proves nothing (gcompat, a musl package on Debian). */
function glibcVersion(): string | undefined {
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  return report.header?.glibcVersionRuntime;
}
