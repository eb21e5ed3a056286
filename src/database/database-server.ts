import type { DatabaseSettings } from '../config/settings.js';
import type { DatabaseAddresses } from './data-source.js';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.js';

/** Connections of the embedded server: the pool, the listener, the migrations, and a few for psql. */
const SPARE_CONNECTIONS = 20;

export interface DatabaseServer {
  readonly addresses: DatabaseAddresses;
  /** Where the embedded server keeps its data; `null`: the server of DATABASE_URL. */
  readonly folder: string | null;
  readonly notices: readonly string[];
  /** Resolves with the reason if the embedded server ends unexpectedly. */
  readonly lost: Promise<string>;
  stop(): Promise<void>;
}

/** The server of DATABASE_URL; otherwise the embedded one, started here. @throws EmbeddedPostgresError */
export async function startDatabaseServer(
  settings: DatabaseSettings,
  log: (line: string) => void,
): Promise<DatabaseServer> {
  if (settings.url !== null) {
    const pooled = { url: settings.url };
    const direct = { url: settings.directUrl ?? settings.url };
    return {
      addresses: { pooled, direct },
      folder: null,
      notices: [],
      lost: new Promise(() => {}),
      stop: async () => {},
    };
  }
  const postgres = await startEmbeddedPostgres({
    dataDir: settings.dataDir,
    log,
    maxConnections: settings.poolSize + SPARE_CONNECTIONS,
  });
  let stopping = false;
  return {
    addresses: { pooled: postgres.connection, direct: postgres.connection },
    folder: postgres.folder,
    notices: postgres.notices,
    lost: postgres.exited.then(() =>
      stopping ? new Promise<string>(() => {}) : 'the embedded PostgreSQL ended unexpectedly',
    ),
    stop: async () => {
      stopping = true;
      await postgres.stop();
    },
  };
}
