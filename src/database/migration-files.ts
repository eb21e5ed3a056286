import { readdirSync, readFileSync } from 'node:fs';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** `migrations/<stamp>-<what>.up.sql` and `.down.sql`. Its name is what the table `migration` holds. */
export interface MigrationFiles {
  readonly name: string;
  /** Milliseconds since 1970. Migrations run in the order of their stamps. */
  readonly stamp: number;
  readonly up: string;
  readonly down: string;
}

/** `nest build` copies the folder to the same place below `dist/`. */
const FOLDER = new URL('../../migrations/', import.meta.url);
const FILE = /^(?<stamp>\d{13})-(?<what>[a-z][a-z0-9-]*)\.(?<way>up|down)\.sql$/;
/** Written by `npm run schema:write`. */
const NOT_A_MIGRATION = 'schema.sql';

/** All migrations, oldest first: the folder is the list. @throws Error for a file that would never run */
export function readMigrations(folder: URL = FOLDER): readonly MigrationFiles[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql') && file !== NOT_A_MIGRATION);
  return migrationNames(files).map(({ base, name, stamp }) => ({
    name,
    stamp,
    up: readFileSync(new URL(`${base}.up.sql`, folder), 'utf8'),
    down: readFileSync(new URL(`${base}.down.sql`, folder), 'utf8'),
  }));
}

/** Pure: checks that each migration has both files and a stamp of its own. */
export function migrationNames(files: readonly string[]) {
  const present = new Set(files);
  const found = files.toSorted().flatMap((file) => {
    const { stamp = '', what = '', way } = FILE.exec(file)?.groups ?? {};
    if (way === undefined)
      throw new Error(
        `migrations/${file}: a migration is named <13 digits>-<what-it-does>.up.sql or .down.sql`,
      );
    const base = `${stamp}-${what}`;
    const other = `${base}.${way === 'up' ? 'down' : 'up'}.sql`;
    if (!present.has(other)) throw new Error(`migrations/${file}: ${other} is missing`);
    return way === 'up' ? [{ base, stamp: Number(stamp), name: className(what) + stamp }] : [];
  });
  for (const [index, { base, stamp }] of found.entries())
    if (stamp === found[index - 1]?.stamp)
      throw new Error(`migrations/${base}.up.sql: another migration has the same stamp ${stamp}`);
  return found;
}

/** TypeORM takes classes, and reads the stamp from the end of the name. */
export function migrationClasses(): (new () => MigrationInterface)[] {
  return readMigrations().map(
    ({ name, up, down }) =>
      class implements MigrationInterface {
        readonly name = name;

        up(runner: QueryRunner): Promise<void> {
          return runner.query(up);
        }

        down(runner: QueryRunner): Promise<void> {
          return runner.query(down);
        }
      },
  );
}

function className(what: string): string {
  return what.replaceAll(/(^|-)([a-z0-9])/g, (_all, _dash, letter: string) => letter.toUpperCase());
}
