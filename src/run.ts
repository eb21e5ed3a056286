import { ConfigurationError } from './config/configuration-error.js';
import type { LogSettings, Settings } from './config/settings.js';
import { startDatabaseServer } from './database/database-server.js';
import { ReplicaIdentity } from './database/replica-identity.js';
import { EmbeddedPostgresError } from './embedded-postgres/embedded-postgres-error.js';
import { createLog } from './telemetry/logger.js';
import { captureOutput, jsonLine, messageOf } from './telemetry/process-output.js';
import { ListenError } from './server/listen-error.js';
import { leaveParent, runProcesses, startsOthers } from './processes.js';

/** The exit code of an unexpected failure. */
const FAILED = 1;

/** Runs the service as this process until `stopRequested` resolves. */
export async function runProcess(
  readSettings: () => Settings,
  stopRequested: Promise<string>,
): Promise<void> {
  const identity = new ReplicaIdentity();
  let format: LogSettings['format'] = process.stdout.isTTY ? 'pretty' : 'json';
  try {
    const settings = readSettings();
    ({ format } = settings.log);
    await run(settings, identity, stopRequested);
  } catch (error) {
    leaveParent();
    process.exitCode = error instanceof ConfigurationError ? ConfigurationError.exitCode : FAILED;
    process.stderr.write(describe(error, format, identity.id));
  }
}

/** Starts the service, which can be stopped at any time, even while it starts. */
async function run(
  settings: Settings,
  identity: ReplicaIdentity,
  stopRequested: Promise<string>,
): Promise<void> {
  const log = await createLog(settings.log, identity.id);
  captureOutput(log);
  if (settings.ignoredVariables.length > 0) {
    log.logger.warn(`settings that no longer exist are ignored: ${settings.ignoredVariables.join(', ')}`);
  }
  if (startsOthers(settings)) {
    process.exitCode = await runProcesses(settings, log.logger, stopRequested);
    log.flush();
    return;
  }
  // Loading the service takes as long as starting a database, so both run at once.
  const [database, { serve }] = await Promise.all([
    startDatabaseServer(settings.database, (line) => log.logger.debug(line)),
    import('./serve.js'),
  ]);
  for (const notice of database.notices) log.logger.warn(notice);
  await serve(settings, database, log, identity, stopRequested);
}

/** What ends the process. Faults that an operator can fix need no stack trace. */
function describe(error: unknown, format: LogSettings['format'], replica: string): string {
  const stack = error instanceof Error && !isForOperator(error) ? error.stack : undefined;
  const faults = error instanceof ConfigurationError ? error.faults : undefined;
  const wanted = error instanceof ConfigurationError ? (error.logFormat ?? format) : format;
  if (wanted === 'json') return jsonLine('fatal', messageOf(error), { replica, faults, stack });
  return `${stack ?? messageOf(error)}\n`;
}

function isForOperator(error: Error): boolean {
  return (
    error instanceof ConfigurationError ||
    error instanceof EmbeddedPostgresError ||
    error instanceof ListenError
  );
}
