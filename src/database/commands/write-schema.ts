import 'reflect-metadata';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSchema } from '../describe-schema.js';
import { startEmbeddedPostgres } from '../../embedded-postgres/embedded-postgres.js';
import { migrate } from '../migrate.js';

/** `npm run schema:write`: migrates an empty database and writes down what came of it. */
const dataDir = await mkdtemp(join(tmpdir(), 'mmm-schema-'));
const server = await startEmbeddedPostgres({ dataDir, durable: false });
try {
  await migrate(server.connection, 'public');
  await writeFile('migrations/schema.sql', await describeSchema(server.connection, 'public'));
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
