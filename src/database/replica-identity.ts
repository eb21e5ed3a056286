import { randomUUID } from 'node:crypto';

/** The id of this process in every table: `replica.id`, and the owner of its leases. */
export class ReplicaIdentity {
  readonly id = randomUUID();
}
