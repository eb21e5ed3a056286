import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** The id of this process in every table: `replica.id`, and the owner of its leases. */
export class ReplicaIdentity {
  readonly id = randomUUID();
}

/** PostgreSQL cuts longer names off. */
const LONGEST_NAME = 63;

/**
 * What `pg_stat_activity` shows of a connection: `mmm 7195b24d pool host`, where the replica's id begins like that.
 * The view `replica_overview` finds a replica's connections by it. Without a replica: `mmm migrate host`.
 */
export function applicationName(purpose: string, replicaId?: string, host = hostname()): string {
  const parts = ['mmm', ...(replicaId === undefined ? [] : [replicaId.slice(0, 8)]), purpose, host];
  // PostgreSQL replaces other characters, and counts bytes.
  return parts
    .join(' ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, LONGEST_NAME);
}
