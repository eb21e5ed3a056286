import 'reflect-metadata';
import { ConfigurationError } from '../../config/configuration-error.js';
import { TUNING } from '../../config/tuning.js';
import { jsonLine, messageOf } from '../../telemetry/process-output.js';
import { readProcessEnvironment } from '../../config/environment.js';
import type { DatabaseAddress } from '../data-source.js';
import { startDatabaseServer } from '../database-server.js';
import { LockWaitError } from '../lock-wait.js';
import { describeLost, migrate, pendingSql, revertMigration, showMigrations } from '../migrate.js';
import type { MigrationState } from '../migration-table.js';

const USAGE = `migrate.js show                  which migrations ran and when, and which are pending
migrate.js sql                   prints the SQL of the pending ones, to be run by hand; changes nothing
migrate.js run                   runs the pending ones
migrate.js revert [--lose-rows]  reverts the one that ran last; one that would lose rows is refused without --lose-rows
`;

class UsageError extends Error {
  /** EX_USAGE of sysexits.h. */
  static readonly exitCode = 64;
}

/** The whole output and the exit code of a command; lines about waiting go to `warn` at once. */
export interface CommandOutput {
  readonly print: (text: string) => void;
  readonly warn: (line: string) => void;
}

/** On DATABASE_DIRECT_URL or DATABASE_URL, otherwise on the embedded server. @returns the exit code */
export async function migrateCommand(
  args: readonly string[],
  stop: AbortSignal,
  output: CommandOutput,
): Promise<number> {
  let isJson = false;
  try {
    const run = commandOf(args);
    // A command is for people, unless LOG_FORMAT=json.
    const { database, log } = readProcessEnvironment(TUNING, true);
    isJson = log.format === 'json';
    const lines = isJson ? linesOfJson(output) : linesOfText(output);
    const server = await startDatabaseServer(database, () => {});
    try {
      await run({
        address: server.addresses.direct,
        schema: database.schema,
        stop,
        print: output.print,
        ...lines,
      });
    } finally {
      await server.stop();
    }
    return 0;
  } catch (error) {
    if (error instanceof ConfigurationError) isJson = error.logFormat === 'json';
    const message = messageOf(error) || String(error);
    output.warn(isJson ? jsonLine('fatal', message).trimEnd() : message);
    return exitCodeOf(error);
  }
}

export function exitCodeOf(error: unknown): number {
  const kinds = [UsageError, ConfigurationError, LockWaitError];
  return kinds.find((kind) => error instanceof kind)?.exitCode ?? 1;
}

interface Lines {
  /** What was done. */
  readonly report: (line: string) => void;
  readonly warn: (line: string) => void;
}

function linesOfText({ print, warn }: CommandOutput): Lines {
  return { report: (line) => print(`${line}\n`), warn };
}

function linesOfJson({ print, warn }: CommandOutput): Lines {
  return {
    report: (line) => print(jsonLine('info', line)),
    warn: (line) => warn(jsonLine('warn', line).trimEnd()),
  };
}

/** `print`: what was requested, in a format of its own. */
interface Context extends CommandOutput, Lines {
  readonly address: DatabaseAddress;
  readonly schema: string;
  readonly stop: AbortSignal;
}

const COMMANDS: Readonly<Record<string, (context: Context) => Promise<void>>> = {
  show: async ({ address, schema, stop, print }) =>
    print(showStates(await showMigrations(address, schema, stop))),

  sql: async ({ address, schema, stop, print }) => print(await pendingSql(address, schema, stop)),

  run: async ({ address, schema, stop, report, warn }) => {
    const ran = (name: string, ms: number) => report(`migrated: ${name} in ${Math.round(ms)} ms`);
    const names = await migrate(address, schema, { stop, warn, ran });
    if (names.length === 0) report('nothing to migrate');
  },

  revert: (context) => revert(context, false),
  'revert --lose-rows': (context) => revert(context, true),
};

async function revert({ address, schema, stop, report, warn }: Context, loseRows: boolean): Promise<void> {
  const reverted = await revertMigration(address, schema, { stop, warn, loseRows });
  if (reverted === null) return report('nothing to revert');
  const lost = reverted.lost.length === 0 ? '' : `; rows lost: ${describeLost(reverted.lost)}`;
  report(`reverted: ${reverted.name}${lost}`);
}

function commandOf(args: readonly string[]): (context: Context) => Promise<void> {
  const command = COMMANDS[args.join(' ')];
  if (command === undefined) throw new UsageError(USAGE.trimEnd());
  return command;
}

/** Pure. */
export function showStates(states: readonly MigrationState[]): string {
  const lines = states.map(({ name, state, ranAt }) => {
    const when = state === 'pending' ? '' : (ranAt?.toISOString() ?? 'time not recorded');
    return `${state.padEnd(7)}  ${when.padEnd(24)}  ${name}${state === 'foreign' ? '  (not of this release)' : ''}`;
  });
  const pending = states.filter(({ state }) => state === 'pending').length;
  return [...lines, `${pending} pending`, ''].join('\n');
}
