import { ApiProperty } from '@nestjs/swagger';

const COUNTS = { type: 'object', additionalProperties: { type: 'integer' } } as const;
const SERIES = { type: 'array', items: { type: 'integer' } } as const;

export class WaitingDto {
  total!: number;
  /** How long the first of them has waited; null: none waits. */
  oldest_ms!: number | null;
  /** Models for which requests wait. */
  @ApiProperty(COUNTS) by_model!: Record<string, number>;
}

/** Requests that ended in the last 60 s. */
export class LastMinuteDto {
  requests!: number;
  /** Failed by the fault of a worker or of the service. */
  failed!: number;
  /** Served by another attempt after one had failed. */
  saved_by_retry!: number;
  /** Of streams; null: there was none. */
  ttft_p50_ms!: number | null;
  ttft_p95_ms!: number | null;
}

/** 60 values each, oldest first: 59 whole minutes, and the last 60 s, or now. */
export class LastHourDto {
  @ApiProperty(SERIES) requests!: number[];
  @ApiProperty(SERIES) failed!: number[];
  @ApiProperty({ type: 'array', items: { type: 'integer', nullable: true } }) ttft_p50_ms!: (number | null)[];
  /** Means of whole minutes. */
  @ApiProperty({ type: 'array', items: { type: 'number' } }) running!: number[];
  @ApiProperty({ type: 'array', items: { type: 'number' } }) waiting!: number[];
}

export class SeenReplicaDto {
  host!: string;
  /** Its last heartbeat; what it does is 2 s old at most. */
  seen_at!: Date;
}

/** What goes on in all replicas. */
export class OverviewDto {
  at!: Date;
  /** Workers by state: admin_state, unless enabled; else unhealthy; else ejected, at one replica or more; else health. */
  @ApiProperty(COUNTS) workers!: Record<string, number>;
  /** Workers that requests are sent to. */
  taking!: number;
  /** Requests that run on workers. */
  running!: number;
  /** How many may run at once on the workers that take requests. */
  may_run!: number;
  waiting!: WaitingDto;
  minute!: LastMinuteDto;
  hour!: LastHourDto;
  /** Those that are alive. */
  @ApiProperty({ type: () => [SeenReplicaDto] }) replicas!: SeenReplicaDto[];
  /** Since this replica last read the registry whole; null: not yet. */
  registry_age_s!: number | null;
}
