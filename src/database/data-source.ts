import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { JobEntity, JobEventEntity, JobFileEntity, JobWorkerEntity } from '../jobs/job.entity.js';
import { SigningKeyEntity } from '../jobs/links/signing-key.entity.js';
import { JobWebhookEntity } from '../jobs/webhooks/job-webhook.entity.js';
import { applicationName } from './replica-identity.js';
import { ModelEntity } from '../registry/models/model.entity.js';
import { WorkerEventEntity } from '../registry/worker-event.entity.js';
import { WorkerProbeEntity } from '../registry/worker-probe.entity.js';
import { WorkerEntity } from '../registry/worker.entity.js';
import {
  ReplicaEntity,
  ReplicaFaultEntity,
  WorkerTroubleEntity,
  WorkerSlotEntity,
  WorkerSlotRequestEntity,
} from '../replicas/replica.entity.js';

/** Where a PostgreSQL is: a URL, or the socket of the embedded one; and the replica that connects, if it is one. */
export type DatabaseAddress = { readonly replicaId?: string } & (
  | { readonly url: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly database: string;
    }
);

/** Far longer than any query of the service; a half-open connection would hang for ever. */
const LONGEST_SILENCE_MS = 12_000;

/** The options of `pg`. Connecting fails after 5 s, so that nothing waits for ever. */
export function pgOptions({ replicaId, ...address }: DatabaseAddress, purpose = 'pool') {
  const where = 'url' in address ? { connectionString: address.url } : address;
  const application_name = applicationName(purpose, replicaId);
  return { ...where, application_name, connectionTimeoutMillis: 5_000, keepAlive: true };
}

export function dataSourceOptions(
  address: DatabaseAddress,
  schema: string,
  poolSize: number,
  longestSilenceMs = LONGEST_SILENCE_MS,
): DataSourceOptions {
  return {
    type: 'postgres',
    schema,
    poolSize,
    // A silent server counts as unavailable; migrations may take longer.
    extra: { ...pgOptions(address), Client: PooledClient, stream: () => impatientSocket(longestSilenceMs) },
    entities: [
      WorkerEntity,
      WorkerProbeEntity,
      WorkerEventEntity,
      ModelEntity,
      ReplicaEntity,
      ReplicaFaultEntity,
      WorkerTroubleEntity,
      WorkerSlotEntity,
      WorkerSlotRequestEntity,
      JobEntity,
      JobEventEntity,
      JobFileEntity,
      JobWebhookEntity,
      SigningKeyEntity,
      JobWorkerEntity,
    ],
    // TypeORM would otherwise create an extension on its own; gen_random_uuid() is built in.
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    synchronize: false,
    logging: false,
  };
}

/**
 * Handles every error. TypeORM adds its handler only a moment after the pool has connected: a server that stops in
 * between would end the process.
 */
class PooledClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => {});
  }
}

/** Closes after a silence. `query_timeout` would fail the query and return its connection, still waiting, to the pool. */
function impatientSocket(longestSilenceMs: number): Socket {
  const socket = new Socket();
  return socket.setTimeout(longestSilenceMs, () => {
    socket.destroy(new Error(`query read timeout: PostgreSQL has been silent for ${longestSilenceMs} ms`));
  });
}

/** Where PostgreSQL is: for queries, and past a transaction pooler, for LISTEN and migrations. */
export abstract class DatabaseAddresses {
  abstract readonly pooled: DatabaseAddress;
  abstract readonly direct: DatabaseAddress;
}

const LONGEST_FAREWELL_MS = 500;

/** Ends a connection without waiting for a silent peer, and leaves no socket open. */
export async function hangUp(client: pg.Client, socket: Socket): Promise<void> {
  // A socket that is destroyed says no more that the connection has ended.
  if (!socket.destroyed)
    await Promise.race([client.end().catch(() => {}), sleep(LONGEST_FAREWELL_MS, undefined, { ref: false })]);
  socket.destroy();
}
