import type { WorkerEntity } from './worker.entity.js';

/** What a person says about a worker, without what the service knows of it. Named as the columns are. */
export type WorkerDefinition = Omit<
  WorkerEntity,
  | 'id'
  | 'sealed_header'
  | 'admin_state'
  | 'admin_state_since'
  | 'admin_state_by'
  | 'health'
  | 'health_reason'
  | 'health_since'
  | 'generation'
  | 'created_at'
  | 'updated_at'
>;
