import 'reflect-metadata';
import { ConfigurationError } from '../../config/configuration-error.js';
import { readProcessEnvironment } from '../../config/environment.js';
import { startDatabaseServer } from '../database-server.js';
import { migrate, revertMigration } from '../migrate.js';

/** `npm run migration:run`, `npm run migration:revert`: on DATABASE_URL (DATABASE_DIRECT_URL), or the embedded server. */
async function command(what: string | undefined): Promise<string> {
  const { database } = readProcessEnvironment();
  const server = await startDatabaseServer(database, () => {});
  try {
    if (what === 'revert') {
      await revertMigration(server.addresses.direct, database.schema);
      return 'took back the newest migration';
    }
    const ran = await migrate(server.addresses.direct, database.schema);
    return ran.length === 0 ? 'nothing to migrate' : `migrated: ${ran.join(', ')}`;
  } finally {
    await server.stop();
  }
}

try {
  process.stdout.write(`${await command(process.argv[2])}\n`);
} catch (error) {
  process.exitCode = error instanceof ConfigurationError ? ConfigurationError.exitCode : 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
