import type { Settings } from './config/settings.js';
import { startDatabaseServer } from './database/database-server.js';
import { createLog } from './telemetry/logger.js';

/** Starts the service and leaves it running until it is asked to stop, which may be before it has started. */
export async function run(settings: Settings, stopAsked: Promise<string>): Promise<void> {
  const log = createLog(settings.log);
  // Loading the service takes as long as starting a database: both at once.
  const [database, { serve }] = await Promise.all([
    startDatabaseServer(settings.database, (line) => log.logger.debug(line)),
    import('./serve.js'),
  ]);
  for (const notice of database.notices) log.logger.warn(notice);
  await serve(settings, database, log, stopAsked);
}
