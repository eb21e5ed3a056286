import pg from 'pg';
import { type DatabaseAddress, migrationDataSource, pgOptions } from './data-source.js';

/** An arbitrary constant of this service: whoever migrates holds this advisory lock. */
const MIGRATION_LOCK = 7_306_121_995;

/**
 * Brings the schema up to date, each migration in a transaction of its own, under one advisory lock on a connection
 * of its own: of replicas that start together one migrates and the others find nothing left to do.
 * @returns the names of the migrations it ran
 */
export async function migrate(address: DatabaseAddress, schema: string): Promise<readonly string[]> {
  return locked(address, async (client) => {
    await ensureSchema(client, schema);
    const source = await migrationDataSource(address, schema).initialize();
    try {
      const ran = await source.runMigrations({ transaction: 'each' });
      return ran.map((migration) => migration.name);
    } finally {
      await source.destroy();
    }
  });
}

/** Asks first: CREATE SCHEMA needs a right on the whole database, even with IF NOT EXISTS and a schema that is there. */
async function ensureSchema(client: pg.Client, schema: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
}

/** Takes back the newest migration. */
export async function revertMigration(address: DatabaseAddress, schema: string): Promise<void> {
  await locked(address, async () => {
    const source = await migrationDataSource(address, schema).initialize();
    try {
      await source.undoLastMigration({ transaction: 'each' });
    } finally {
      await source.destroy();
    }
  });
}

async function locked<T>(address: DatabaseAddress, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(pgOptions(address, 'multi-model-manager migration lock'));
  // The error also fails the query under way; without a handler it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return await use(client);
  } finally {
    // Ending the session gives the lock back.
    await client.end();
  }
}
