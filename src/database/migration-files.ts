import { readdirSync, readFileSync } from 'node:fs';

/** `migrations/<stamp>-<what>.up.sql` and `.down.sql`. */
export interface MigrationFiles {
  /** `<stamp>-<what>`, as every output names it. */
  readonly name: string;
  /** `<What><stamp>`, as the table `migration` has named it since before there were files. */
  readonly recordedAs: string;
  /** Milliseconds since 1970. Migrations run in the order of their stamps. */
  readonly stamp: number;
  readonly up: string;
  readonly down: string;
  /** What `down` loses. */
  readonly losses: readonly Loss[];
}

/** A line `-- loses <table>[.<column>]: SELECT count(*) …` at the top of a `.down.sql`. */
export interface Loss {
  readonly table: string;
  /** The table, or a column of it. */
  readonly what: string;
  /** Counts the rows that `down` deletes or whose value it drops. */
  readonly count: string;
}

/** `nest build` copies the folder to the same place below `dist/`. */
const FOLDER = new URL('../../migrations/', import.meta.url);
const FILE = /^(?<stamp>\d{13})-(?<what>[a-z][a-z0-9-]*)\.(?<way>up|down)\.sql$/;
const LOSES_NOTHING = '-- loses nothing';
const LOSES = /^-- loses (?<table>[a-z_]+)(?:\.(?<column>[a-z_]+))?: (?<count>SELECT count\(\*\) .+)$/;
/** Written by `npm run schema:write`. */
const NOT_A_MIGRATION = 'schema.sql';

/** All migrations, oldest first: the folder is the list. @throws Error for a file that would never run */
export function readMigrations(folder: URL = FOLDER): readonly MigrationFiles[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql') && file !== NOT_A_MIGRATION);
  return migrationNames(files).map((migration) => {
    const up = readFileSync(new URL(`${migration.name}.up.sql`, folder), 'utf8');
    const down = readFileSync(new URL(`${migration.name}.down.sql`, folder), 'utf8');
    return { ...migration, up, down, losses: lossesOf(down, `${migration.name}.down.sql`) };
  });
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
    const name = `${stamp}-${what}`;
    const other = `${name}.${way === 'up' ? 'down' : 'up'}.sql`;
    if (!present.has(other)) throw new Error(`migrations/${file}: ${other} is missing`);
    return way === 'up' ? [{ name, stamp: Number(stamp), recordedAs: className(what) + stamp }] : [];
  });
  for (const [index, { name, stamp }] of found.entries())
    if (stamp === found[index - 1]?.stamp)
      throw new Error(`migrations/${name}.up.sql: another migration has the same stamp ${stamp}`);
  return found;
}

/** Pure. @throws Error unless the file says what it loses, or that it loses nothing */
export function lossesOf(down: string, file: string): readonly Loss[] {
  const lines = down.split('\n').filter((line) => line.startsWith('-- loses '));
  const losses = lines.flatMap((line) => {
    if (line === LOSES_NOTHING) return [];
    const { table, column, count } = LOSES.exec(line)?.groups ?? {};
    if (table === undefined || count === undefined)
      throw new Error(
        `migrations/${file}: "${line}" is not "-- loses <table>[.<column>]: SELECT count(*) …"`,
      );
    return [{ table, what: column === undefined ? table : `${table}.${column}`, count }];
  });
  if (lines.length === 0 || (lines.includes(LOSES_NOTHING) && losses.length > 0))
    throw new Error(
      `migrations/${file}: it needs a line "-- loses <table>[.<column>]: SELECT count(*) …", or "${LOSES_NOTHING}"`,
    );
  return losses;
}

/** The name of a migration that only another release has, from the table `migration`. */
export function nameOf(recordedAs: string): string {
  const { what = '', stamp } = /^(?<what>.+?)(?<stamp>\d{13})$/.exec(recordedAs)?.groups ?? {};
  return stamp === undefined
    ? recordedAs
    : `${stamp}${what.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function className(what: string): string {
  return what.replaceAll(/(^|-)([a-z0-9])/g, (_all, _dash, letter: string) => letter.toUpperCase());
}
