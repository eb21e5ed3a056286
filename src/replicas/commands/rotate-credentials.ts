/** `npm run credentials:rotate`. */
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { ConfigurationError } from '../../config/configuration-error.js';
import { readProcessEnvironment } from '../../config/environment.js';
import { TUNING } from '../../config/tuning.js';
import { CredentialCipher, CredentialVault } from '../../credentials/credential-cipher.js';
import { loadOrCreateKey } from '../../credentials/data-dir-key.js';
import { Database } from '../../database/database.js';
import { dataSourceOptions } from '../../database/data-source.js';
import { startDatabaseServer } from '../../database/database-server.js';
import { ClearHeaderSealer } from '../../registry/live/clear-header-sealer.js';
import { SealedHeaders } from '../../registry/sealed-headers.js';
import { WorkerQueries } from '../../registry/worker-queries.js';
import { WorkerWriter } from '../../registry/worker-writer.js';
import { messageOf } from '../../telemetry/process-output.js';

/** Workers of one round. */
const SLICE = 500;

/** The command cannot do its work now; the message says what to do. */
class RotationError extends Error {}

/**
 * Seals every stored credential under the first key of CREDENTIALS_KEYS, while replicas serve. Replicas do the same by
 * themselves within a minute; this command does it now, and says when a former key is no longer needed.
 * @throws RotationError, ConfigurationError, DatabaseUnavailableError
 */
async function rotate(print: (line: string) => void): Promise<void> {
  const settings = readProcessEnvironment(TUNING, true);
  const { keys, makeKey, keysDir } = settings.credentials;
  const spec = keys ?? (makeKey ? await loadOrCreateKey(keysDir) : null);
  if (spec === null) throw new RotationError('CREDENTIALS_KEYS is not set: there is no key to seal with');
  const vault = new CredentialVault(CredentialCipher.fromSpec(spec));
  const server = await startDatabaseServer(settings.database, () => {});
  const { schema } = settings.database;
  const source = new DataSource(dataSourceOptions(server.addresses.direct, schema, 2));
  try {
    await source.initialize();
    const database = new Database(source);
    await refuseOtherKeys(database, schema, vault);
    const queries = new WorkerQueries(database, settings.database);
    const writer = new WorkerWriter(database, queries, settings.database);
    const sealer = new ClearHeaderSealer(writer, new SealedHeaders(vault), vault);
    const [first = ''] = vault.keyIds;
    let sealed = 0;
    for (let after = ''; ;) {
      const ids = await underOtherKeys(database, schema, first, after);
      if (ids.length === 0) break;
      sealed += await sealer.sealAnew(ids);
      after = ids.at(-1) ?? '';
    }
    print(`sealed the credentials of ${sealed} worker(s) under the key "${first}"`);
    const left = await countByKey(database, schema, first);
    if (left.length > 0)
      throw new RotationError(
        `not sealed anew: ${left.map(({ key, n }) => `${n} worker(s) under the key "${key}"`).join(', ')}; the log lines above, or the workers' health_reason, say why`,
      );
    print('no credential is sealed under another key: former keys can be taken out of CREDENTIALS_KEYS');
  } finally {
    if (source.isInitialized) await source.destroy();
    await server.stop();
  }
}

/** A replica that lacks the first key could not read what is sealed under it. */
async function refuseOtherKeys(database: Database, schema: string, vault: CredentialVault): Promise<void> {
  const others = await database.query<{ host: string }>(
    `SELECT host FROM "${schema}".live_replica WHERE settings ->> 'CREDENTIALS_KEYS' IS DISTINCT FROM $1 ORDER BY host`,
    [vault.fingerprint],
  );
  if (others.length === 0) return;
  throw new RotationError(
    `replicas with other CREDENTIALS_KEYS are running (${others.map(({ host }) => host).join(', ')}): give all the same keys first, the former ones included`,
  );
}

async function underOtherKeys(
  database: Database,
  schema: string,
  first: string,
  after: string,
): Promise<readonly string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM "${schema}".worker WHERE sealed_header IS NOT NULL AND split_part(sealed_header, '.', 2) <> $1
       AND ($2 = '' OR id > nullif($2, '')::uuid) ORDER BY id LIMIT $3`,
    [first, after, SLICE],
  );
  return rows.map(({ id }) => id);
}

function countByKey(
  database: Database,
  schema: string,
  first: string,
): Promise<{ readonly key: string; readonly n: number }[]> {
  return database.query(
    `SELECT split_part(sealed_header, '.', 2) AS key, count(*)::integer AS n FROM "${schema}".worker
     WHERE sealed_header IS NOT NULL AND split_part(sealed_header, '.', 2) <> $1 GROUP BY 1 ORDER BY 1`,
    [first],
  );
}

try {
  await rotate((line) => process.stdout.write(`${line}\n`));
} catch (error) {
  process.stderr.write(`${messageOf(error) || String(error)}\n`);
  // EX_CONFIG of sysexits.h.
  process.exitCode = error instanceof ConfigurationError ? ConfigurationError.exitCode : 1;
}
