import { locateBinaries, packageFor, program, thisPlatform } from './binaries.js';
import { ensureCluster } from './cluster.js';
import { prepareDataDirectory } from './data-directory.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { postgresUser } from './postgres-user.js';
import { makeRunnable } from './runnable-binaries.js';
import { serverArguments, serverEnvironment } from './server-settings.js';
import { makeSocketDirectory, PORT, removeSocketDirectory } from './socket-directory.js';
import { supervise } from './supervise.js';
import { whenVacant } from './vacancy.js';

export interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  /** Default true. False disables fsync: faster, but data is lost when the machine crashes. For tests. */
  readonly durable?: boolean;
  /** Receives each line the server writes; without it they are dropped. */
  readonly log?: (line: string) => void;
  /** Default 60. */
  readonly maxConnections?: number;
}

export interface EmbeddedPostgres {
  readonly pid: number;
  /** For node-postgres; `host` is the socket's folder. Every user that can enter it connects without a password. */
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
  /** Where its data is; root may keep it elsewhere than in DATA_DIR. */
  readonly folder: string;
  /** Resolves when the server has ended, expected or not. */
  readonly exited: Promise<void>;
  /** Notices for the operator, such as the place of a relocated database. */
  readonly notices: readonly string[];
  /** Ends sessions and stops the server, within 20 s at the worst. May be called more than once. */
  stop(): Promise<void>;
}

const SUPERUSER = 'postgres';
const DEFAULT_MAX_CONNECTIONS = 60;

/** Starts PostgreSQL on `dataDir`, creating the database if there is none. @throws only EmbeddedPostgresError */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options);
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(
      'START',
      `The embedded PostgreSQL could not be started in ${options.dataDir} (${String(error)}). Check that the folder can be written to and its disk has room, or set DATABASE_URL to a PostgreSQL server.`,
      { cause: error },
    );
  }
}

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { durable = true, log = () => undefined, maxConnections = DEFAULT_MAX_CONNECTIONS } = options;
  const packaged = locateBinaries(packageFor(thisPlatform()));
  const user = postgresUser();
  const directory = prepareDataDirectory(options.dataDir, user);
  const runnable = makeRunnable(packaged, directory.home, user);
  const environment = serverEnvironment(directory.postgres, runnable.environment);
  await ensureCluster(directory, runnable, user, { durable, environment });

  const socket = makeSocketDirectory(directory, user);
  try {
    const settings = { cluster: directory.cluster, socketDirectory: socket.path, maxConnections, durable };
    const command = [program(runnable.binaries, 'postgres'), ...serverArguments(settings)];
    const server = await whenVacant(directory, socket.path, () =>
      supervise({ command, cluster: directory.cluster, user, environment, log }),
    );
    const exited = server.exited.then(() => removeSocketDirectory(socket));
    return {
      pid: server.pid,
      connection: { host: socket.path, port: PORT, user: SUPERUSER, database: 'postgres' },
      folder: directory.postgres,
      exited,
      notices: [...directory.notices, ...runnable.notices],
      stop: async () => {
        await server.stop();
        await exited;
      },
    };
  } catch (error) {
    removeSocketDirectory(socket);
    throw error;
  }
}
