import { ApiProperty } from '@nestjs/swagger';

const SCALAR = { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }], nullable: true };

/** A worker in a list: who it is and in what state. */
export class WorkerSummaryDto {
  id!: string;
  model_name!: string;
  name!: string;
  req_url_template!: string;
  owner!: string;
  protocol!: string;
  /** null: whatever its API offers. */
  task!: string | null;
  /** What people want. */
  admin_state!: 'enabled' | 'disabled' | 'draining' | 'offline';
  /** When that was last said, and by whom. */
  admin_state_since!: Date;
  admin_state_by!: string;
  /** What the probes say. */
  health!: 'unknown' | 'healthy' | 'suspect' | 'unhealthy' | 'warming';
  health_reason!: string;
  health_since!: Date;
  weight!: number;
  priority!: number;
  max_concurrency!: number;
  /** Requests that this replica has running there. */
  in_flight!: number;
  /** Until when this replica passes it over, if it does. */
  ejected_until!: Date | null;
  /** Rises with every change of the definition; the ETag. */
  generation!: number;
  labels!: Record<string, string> | null;
  created_at!: Date;
  updated_at!: Date;
}

export class ShownDefaultsDto {
  temperature?: number;
  max_tokens?: number;
  system_prompt?: string;
}

export class ShownSuccessRuleDto {
  path!: string;
  @ApiProperty(SCALAR) equals!: string | number | boolean | null;
}

/** null: as the service is set. */
export class ShownTimeoutsDto {
  connect_ms!: number | null;
  first_byte_ms!: number | null;
  idle_ms!: number | null;
  total_ms!: number | null;
}

/** A worker whole, with its definition in the words it is registered with. */
export class WorkerDto extends WorkerSummaryDto {
  worker_type!: 'REMOTE' | 'LOCAL';
  req_type!: 'GET' | 'POST';
  /** "<sealed>" stands for a value that may be a credential; sent back in a change, it keeps what is stored. */
  header!: Record<string, string> | null;
  body!: Record<string, unknown> | null;
  body_format!: 'json' | 'form';
  req_param!: Record<string, string | number | boolean> | null;
  response_extract!: string;
  success_when!: ShownSuccessRuleDto | null;
  is_stream!: boolean;
  defaults!: ShownDefaultsDto | null;
  timeouts!: ShownTimeoutsDto;
  on_disconnect!: 'abort' | 'finish';
  /** As it was given; what is left out is as the service is set (HEALTH_*). */
  health_check!: object | null;
  heartbeat_ttl_s!: number | null;
}

export class WorkerPageDto {
  data!: WorkerSummaryDto[];
  /** Given back as `cursor`, it leads to the next page; null: this is the last. */
  next_cursor!: string | null;
}

/** Something that happened to a worker. */
export class WorkerEventDto {
  id!: string;
  at!: Date;
  /** registered, changed, deleted; a new admin_state; a new health (recovered: healthy again). */
  kind!: string;
  /** The columns that changed, or the reason of a verdict. */
  detail!: string;
  actor!: string;
  /** The one after it. */
  generation!: number;
  /** The worker's model and URL at that time. */
  model_name!: string;
  req_url_template!: string;
}

export class WorkerEventPageDto {
  /** Newest first. */
  data!: WorkerEventDto[];
  /** Given back as `cursor`, it leads to the next page; null: this is the last. */
  next_cursor!: string | null;
}
