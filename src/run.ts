import { ConfigurationError } from './config/configuration-error.js';
import type { Settings } from './config/settings.js';
import { startDatabaseServer } from './database/database-server.js';
import { EmbeddedPostgresError } from './embedded-postgres/embedded-postgres-error.js';
import { createLog } from './telemetry/logger.js';
import { ListenError } from './listen-error.js';

/** The exit code of an unexpected failure. */
const FAILED = 1;

/** Runs the service as this process until `stopRequested` resolves. */
export async function runProcess(
  readSettings: () => Settings,
  stopRequested: Promise<string>,
): Promise<void> {
  try {
    await run(readSettings(), stopRequested);
  } catch (error) {
    process.exitCode = error instanceof ConfigurationError ? ConfigurationError.exitCode : FAILED;
    process.stderr.write(`${describe(error)}\n`);
  }
}

/** Starts the service, which can be stopped at any time, even while it starts. */
async function run(settings: Settings, stopRequested: Promise<string>): Promise<void> {
  const log = createLog(settings.log);
  if (settings.ignoredVariables.length > 0) {
    log.logger.warn(`settings that no longer exist are ignored: ${settings.ignoredVariables.join(', ')}`);
  }
  // Loading the service takes as long as starting a database, so both run at once.
  const [database, { serve }] = await Promise.all([
    startDatabaseServer(settings.database, (line) => log.logger.debug(line)),
    import('./serve.js'),
  ]);
  for (const notice of database.notices) log.logger.warn(notice);
  await serve(settings, database, log, stopRequested);
}

/** Faults that an operator can fix need no stack trace. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isForOperator =
    error instanceof ConfigurationError ||
    error instanceof EmbeddedPostgresError ||
    error instanceof ListenError;
  return isForOperator ? error.message : (error.stack ?? error.message);
}
