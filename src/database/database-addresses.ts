import type { DatabaseAddress } from './data-source.js';

/** Where PostgreSQL is: for queries, and past a transaction pooler, for LISTEN and migrations. */
export abstract class DatabaseAddresses {
  abstract readonly pooled: DatabaseAddress;
  abstract readonly direct: DatabaseAddress;
}
