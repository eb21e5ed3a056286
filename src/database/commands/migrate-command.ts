import 'reflect-metadata';
import { ConfigurationError } from '../../config/configuration-error.js';
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
  try {
    const run = commandOf(args);
    const { database } = readProcessEnvironment();
    const server = await startDatabaseServer(database, () => {});
    try {
      await run({ address: server.addresses.direct, schema: database.schema, stop, ...output });
    } finally {
      await server.stop();
    }
    return 0;
  } catch (error) {
    output.warn(error instanceof Error ? error.message || String(error) : String(error));
    return exitCodeOf(error);
  }
}

export function exitCodeOf(error: unknown): number {
  const kinds = [UsageError, ConfigurationError, LockWaitError];
  return kinds.find((kind) => error instanceof kind)?.exitCode ?? 1;
}

interface Context extends CommandOutput {
  readonly address: DatabaseAddress;
  readonly schema: string;
  readonly stop: AbortSignal;
}

const COMMANDS: Readonly<Record<string, (context: Context) => Promise<void>>> = {
  show: async ({ address, schema, stop, print }) =>
    print(showStates(await showMigrations(address, schema, stop))),

  sql: async ({ address, schema, stop, print }) => print(await pendingSql(address, schema, stop)),

  run: async ({ address, schema, stop, print, warn }) => {
    const ran = (name: string, ms: number) => print(`migrated: ${name} in ${Math.round(ms)} ms\n`);
    const names = await migrate(address, schema, { stop, warn, ran });
    if (names.length === 0) print('nothing to migrate\n');
  },

  revert: (context) => revert(context, false),
  'revert --lose-rows': (context) => revert(context, true),
};

async function revert({ address, schema, stop, print, warn }: Context, loseRows: boolean): Promise<void> {
  const reverted = await revertMigration(address, schema, { stop, warn, loseRows });
  if (reverted === null) return print('nothing to revert\n');
  const lost = reverted.lost.length === 0 ? '' : `; rows lost: ${describeLost(reverted.lost)}`;
  print(`reverted: ${reverted.name}${lost}\n`);
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
