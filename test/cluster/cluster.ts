import { rm } from 'node:fs/promises';
import type { QueryResultRow } from 'pg';
import { createDatabase } from '../database.js';
import { temporaryFolder } from '../embedded-postgres/folders.js';
import { TEST_KEYS, type TestSettings } from '../service.js';
import { type FindDatabase, Replica, type ReplicaOptions } from './replica.js';

/** Short intervals for tests; the intervals that a test measures are those of production. */
export const QUICK = {
  CREDENTIALS_KEYS: TEST_KEYS,
  HEALTH_INTERVAL_MS: '500',
  HEALTH_TIMEOUT_MS: '1000',
  tuning: { health: { fastIntervalMs: 200, downIntervalMs: 500, tickMs: 100 } },
};

/** Retries once, because three processes may be late on a busy machine. The run ends with a list of the repeated tests. */
export const RETRIED = { retry: 1 };

export interface SharedDatabase {
  readonly address: FindDatabase;
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Real service processes on one real PostgreSQL server. */
export class Cluster {
  private constructor(
    readonly database: SharedDatabase,
    readonly replicas: readonly Replica[],
    private readonly cwd: string,
  ) {}

  /** Starts one replica for each item of `each`, all with `environment`. */
  static async start(
    each: readonly ReplicaOptions[],
    environment: TestSettings = QUICK,
    database?: SharedDatabase,
  ): Promise<Cluster> {
    const shared = database ?? (await onTheTestsServer());
    const cwd = temporaryFolder();
    const replicas = await Promise.all(
      each.map((options) =>
        Replica.spawn(shared.address, cwd, {
          ...options,
          environment: { ...environment, ...options.environment },
        }),
      ),
    );
    const cluster = new Cluster(shared, replicas, cwd);
    try {
      await Promise.all(replicas.map((replica) => replica.ready()));
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  replica(index: number): Replica {
    const replica = this.replicas[index];
    if (replica === undefined) throw new RangeError(`there is no replica ${index}`);
    return replica;
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()));
    await this.database.close();
    await rm(this.cwd, { recursive: true, force: true });
  }
}

/** A new database on the server that all tests share, for tests that do not stop the server. */
async function onTheTestsServer(): Promise<SharedDatabase> {
  const database = await createDatabase();
  return {
    address: () => database.address,
    query: (sql, values) => database.query(sql, values),
    close: () => database.drop(),
  };
}
