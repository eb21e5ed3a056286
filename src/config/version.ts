import { readFileSync } from 'node:fs';

/** Where package.json is, seen from the sources and from the build. */
const PLACES = ['../../package.json', '../../../package.json'];

/** The version of this build, from package.json. */
export const VERSION = readVersion();

function readVersion(): string {
  for (const place of PLACES) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as {
        version?: unknown;
      };
      if (typeof version === 'string') return version;
    } catch {
      // The other place has it.
    }
  }
  return 'unknown';
}
