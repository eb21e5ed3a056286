import { IsOptional, IsIn } from 'class-validator';

/** What the seed's API answers when it did what it was asked. */
export class DoneDto {
  success!: boolean;
  msg!: string;
}

/** A worker in the list. All but the first two only with `detail=true`. */
export class ListedWorkerDto {
  model_name!: string;
  req_url_template!: string;
  id?: string;
  name?: string;
  owner?: string;
  protocol?: string;
  /** null: whatever its API offers. */
  task?: string | null;
  /** What people want. */
  admin_state?: 'enabled' | 'disabled' | 'draining' | 'offline';
  /** What the probes say. */
  health?: 'unknown' | 'healthy' | 'suspect' | 'unhealthy' | 'warming';
  health_reason?: string;
  health_since?: Date;
  weight?: number;
  priority?: number;
  max_concurrency?: number;
  /** Requests that this replica has running there. */
  in_flight?: number;
  /** Until when this replica passes it over, if it does. */
  ejected_until?: Date | null;
  /** Rises with every change of the definition. */
  generation?: number;
  labels?: Record<string, string>;
  created_at?: Date;
  updated_at?: Date;
}

export class WorkerListDto {
  success!: boolean;
  data!: ListedWorkerDto[];
}

export class ListWorkersDto {
  /** true: everything that may be shown of each worker. */
  @IsOptional()
  @IsIn(['true', 'false'])
  detail?: 'true' | 'false';
}
