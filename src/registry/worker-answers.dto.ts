import { ApiProperty, IntersectionType, OmitType, PartialType, PickType } from '@nestjs/swagger';
import { PowerDto } from './power/power.dto.js';

const SCALAR = { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }], nullable: true };

/** A worker in the native list: what it is and in what state. */
export class WorkerOverviewDto {
  id!: string;
  model_name!: string;
  name!: string;
  req_url_template!: string;
  owner!: string;
  /** The id of the key of role registrar that registered it; null: an admin, an operator or SQL did. */
  registered_by_key!: string | null;
  /** The team of that key, whose registrars may change it, too. */
  registered_by_team!: string | null;
  protocol!: string;
  /** null: whatever its API offers. */
  task!: string | null;
  /** Set by operators and registrations, never by probes. */
  admin_state!: 'enabled' | 'disabled' | 'draining' | 'offline';
  /** Set by probes, heartbeats and requests, never by operators. */
  health!: 'unknown' | 'healthy' | 'suspect' | 'unhealthy' | 'warming';
  health_reason!: string;
  health_since!: Date;
  weight!: number;
  priority!: number;
  max_concurrency!: number;
  /** Requests of this replica that run there now. */
  in_flight!: number;
  /** This replica sends no requests there until then; null: it is not ejected. */
  ejected_until!: Date | null;
  /** What requests of this replica show: all of the last ones failed, or it is ejected. Health is what probes show. */
  @ApiProperty({ enum: ['ok', 'failing', 'ejected'] }) requests!: 'ok' | 'failing' | 'ejected';
  /** Of the requests that failed since the last one that succeeded; null: there is none. */
  last_error!: string | null;
  /** As this replica knows it; null: it never sleeps. */
  power!: PowerDto | null;
  /** Rises with every change of the definition; the ETag. */
  generation!: number;
  labels!: Record<string, string> | null;
  created_at!: Date;
  updated_at!: Date;
}

/** A worker in the native list. Fields other than the first two appear only with `detail=true`. */
export class ListedWorkerDto extends IntersectionType(
  PickType(WorkerOverviewDto, ['model_name', 'req_url_template']),
  PartialType(OmitType(WorkerOverviewDto, ['model_name', 'req_url_template'])),
) {}

/** An ejection: replicas send no requests there. */
export class EjectionDto {
  /** When the last of them tries again. */
  until!: Date;
  /** How many replicas ejected it. */
  by!: number;
  /** How many replicas there are. */
  of!: number;
  reason!: string;
}

/** Of all replicas together. */
export class WorkerFiguresDto {
  /**
   * The last 24 hours in cells of ten minutes, the oldest first, as runs: h118 u3 h23. The worst state of a cell counts:
   * u unhealthy, s suspect, w warming, h healthy, o off for all of it, n nothing known.
   */
  strip!: string;
  ejected!: EjectionDto | null;
  /** Requests that run there now. */
  running!: number;
  /** Attempts of requests there in the last hour, to five minutes. */
  requests_1h!: number;
  /** Of the requests of its model, 0 to 1; null: the model had none. */
  @ApiProperty({ type: 'number', nullable: true }) share_1h!: number | null;
  /** Of requests_1h. */
  failed_1h!: number;
  /** Of streams that one attempt served, without their wait for a worker; null: there was none. */
  ttft_p50_ms!: number | null;
}

/** A worker in a list. */
export class WorkerSummaryDto extends WorkerOverviewDto {
  /** When admin_state last changed. */
  admin_state_since!: Date;
  /** The client or database user that changed admin_state last. */
  admin_state_by!: string;
}

/** A worker on a page of the list. */
export class WorkerRowDto extends WorkerSummaryDto {
  /** With include=figures. */
  figures?: WorkerFiguresDto;
}

export class ShownDefaultsDto {
  temperature?: number;
  max_tokens?: number;
  system_prompt?: string;
  size?: string;
  seconds?: number;
  n?: number;
  quality?: string;
  negative_prompt?: string;
  @ApiProperty({ required: false, oneOf: [{ type: 'integer' }, { type: 'string', enum: ['random'] }] })
  seed?: number | 'random';
}

export class ShownSuccessRuleDto {
  path!: string;
  @ApiProperty({ ...SCALAR, required: false }) equals?: string | number | boolean | null;
  @ApiProperty({ type: 'array', items: SCALAR, required: false }) in?: readonly (
    string | number | boolean | null
  )[];
}

/** Milliseconds; null: the model's policy or the settings decide. */
export class ShownTimeoutsDto {
  connect_ms!: number | null;
  first_byte_ms!: number | null;
  idle_ms!: number | null;
  total_ms!: number | null;
}

/** Paths of the token counts in an answer. */
export class ShownUsageExtractDto {
  input!: string;
  output!: string;
}

/** A worker with its definition, in the fields it is registered with. */
export class WorkerDto extends WorkerSummaryDto {
  worker_type!: 'REMOTE' | 'LOCAL';
  req_type!: 'GET' | 'POST';
  /** "<sealed>" stands for a value that may be a credential; sent back in a change, it keeps the stored value. */
  header!: Record<string, string> | null;
  body!: Record<string, unknown> | null;
  body_format!: 'json' | 'form' | 'multipart';
  req_param!: Record<string, string | number | boolean> | null;
  response_extract!: string;
  success_when!: ShownSuccessRuleDto | null;
  is_stream!: boolean;
  /** How a streamed answer is read; null: the worker is not streamed event by event. */
  stream_extract!: object | null;
  /** Where a whole answer reports its tokens. */
  usage_extract!: ShownUsageExtractDto | null;
  /** As registered; "<sealed>" stands for a value that may be a credential. null: the worker's answer is the result. */
  poll!: object | null;
  /** As registered; "<sealed>" stands for a value that may be a credential. null: it never sleeps. */
  wake!: object | null;
  /** As registered; null: this service does not send it to sleep. */
  sleep!: object | null;
  /** As registered; null: it is asleep when it refuses connections. */
  asleep_when!: object | null;
  /** As registered. */
  choices!: object | null;
  /** As registered. */
  profile!: object | null;
  /** The upstream's name of the model; null: model_name. */
  upstream_model!: string | null;
  defaults!: ShownDefaultsDto | null;
  timeouts!: ShownTimeoutsDto;
  on_disconnect!: 'abort' | 'finish';
  /** As registered; members that are left out come from the settings (HEALTH_*). */
  health_check!: object | null;
  /** Seconds; null: the worker sends no heartbeats. */
  heartbeat_ttl_s!: number | null;
}

/** What is known of a worker's probes, whichever replica makes them. */
export class ProbeDto {
  next_probe_at!: Date;
  last_probe_at!: Date | null;
  last_ok!: boolean | null;
  /** The result as text. */
  last_detail!: string;
  last_ms!: number | null;
  failures_in_row!: number;
  /** Those of them in which nothing answered. */
  unreachable_in_row!: number;
  successes_in_row!: number;
  failing_since!: Date | null;
  last_good_at!: Date;
  /** When a request last succeeded there. */
  last_served_at!: Date | null;
  heartbeat_at!: Date | null;
}

/** A worker as one replica sees it. */
export class WorkerReplicaDto {
  host!: string;
  seen_at!: Date;
  /** Requests that run there from this replica, 2 s ago at most. */
  running!: number;
  /** null: this replica does not eject it. */
  ejected_until!: Date | null;
  ejected_reason!: string | null;
  /** Of the requests that failed there since the last one that succeeded. */
  last_error!: string | null;
}

/** A worker, its probes and how each replica sees it. */
export class WholeWorkerDto extends WorkerDto {
  figures!: WorkerFiguresDto;
  /** null: no probe is due yet. */
  probe!: ProbeDto | null;
  replicas!: WorkerReplicaDto[];
}

export class WorkerPageDto {
  data!: WorkerRowDto[];
  /** Sent as `cursor`, it returns the next page; null: this page is the last. */
  next_cursor!: string | null;
}

export class ProbeSeenDto {
  ok!: boolean;
  /** The result as text. */
  detail!: string;
  /** How long it took. */
  ms!: number;
}

/** A worker after it was probed, and the result. */
export class ProbedWorkerDto extends WorkerDto {
  probe!: ProbeSeenDto;
}

/** What the native API answers when a call succeeded. */
export class DoneDto {
  success!: boolean;
  msg!: string;
}

export class WorkerListDto {
  success!: boolean;
  data!: ListedWorkerDto[];
}
