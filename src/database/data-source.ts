import { Socket } from 'node:net';
import type { DataSourceOptions } from 'typeorm';
import { readPostgresUrl } from '../config/postgres-url.js';
import {
  ApiKeyEntity,
  ApiKeyUseEntity,
  SessionEndEntity,
  TeamEntity,
} from '../access/keys/api-key.entity.js';
import { LimitUseEntity } from '../access/limits/limit-use.entity.js';
import { JobWorkerEntity } from '../jobs/engine/job-worker.entity.js';
import { JobEntity, JobEventEntity, JobFileEntity } from '../jobs/job.entity.js';
import { SigningKeyEntity } from '../jobs/links/signing-key.entity.js';
import { JobWebhookEntity } from '../jobs/webhooks/job-webhook.entity.js';
import { DatabaseClient } from './database-client.js';
import { applicationName } from './replica-identity.js';
import { ModelEntity } from '../registry/models/model.entity.js';
import { EventEntity, EventUndoEntity } from '../registry/history/event.entity.js';
import { WorkerObjectEntity } from '../registry/live/worker-object.entity.js';
import { WorkerPowerEntity } from '../registry/power/worker-power.entity.js';
import { WorkerProbeEntity } from '../registry/worker-probe.entity.js';
import { WorkerEntity } from '../registry/worker.entity.js';
import {
  ReplicaEntity,
  ReplicaFaultEntity,
  ReplicaMinuteEntity,
  ModelTrafficEntity,
  WorkerTrafficEntity,
  WorkerTroubleEntity,
} from '../replicas/replica.entity.js';
import {
  ReplicaDemandEntity,
  WorkerSlotEntity,
  WorkerSlotRequestEntity,
} from '../replicas/slots/slot.entity.js';
import {
  UsageBatchEntity,
  UsageByHourEntity,
  UsageByWorkerEntity,
  UsageDailyEntity,
  UsageHourlyEntity,
} from '../usage/usage.entity.js';

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
  const application_name = applicationName(purpose, replicaId);
  return { ...whereTo(address), application_name, connectionTimeoutMillis: 5_000, keepAlive: true };
}

function whereTo(address: DatabaseAddress) {
  if (!('url' in address)) return address;
  const servers = readPostgresUrl(address.url);
  if (servers === null) throw new Error('the URL of the database is not a postgres:// URL');
  return { connectionString: servers.urls[0], servers };
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
    extra: { ...pgOptions(address), Client: DatabaseClient, stream: () => impatientSocket(longestSilenceMs) },
    entities: [
      ApiKeyEntity,
      ApiKeyUseEntity,
      TeamEntity,
      SessionEndEntity,
      LimitUseEntity,
      WorkerEntity,
      WorkerPowerEntity,
      WorkerProbeEntity,
      EventEntity,
      EventUndoEntity,
      ModelEntity,
      ReplicaEntity,
      ReplicaFaultEntity,
      ReplicaMinuteEntity,
      ModelTrafficEntity,
      WorkerTrafficEntity,
      WorkerTroubleEntity,
      WorkerObjectEntity,
      WorkerSlotEntity,
      WorkerSlotRequestEntity,
      ReplicaDemandEntity,
      JobEntity,
      JobEventEntity,
      JobFileEntity,
      JobWebhookEntity,
      SigningKeyEntity,
      JobWorkerEntity,
      UsageByHourEntity,
      UsageByWorkerEntity,
      UsageHourlyEntity,
      UsageDailyEntity,
      UsageBatchEntity,
    ],
    // TypeORM would otherwise create an extension on its own; gen_random_uuid() is built in.
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    synchronize: false,
    logging: false,
  };
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
