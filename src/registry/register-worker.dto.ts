import { ApiProperty, PartialType } from '@nestjs/swagger';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import {
  IsChoices,
  IsJsonScalar,
  IsScalarList,
  IsScalarRecord,
  IsSeed,
  IsStringRecord,
  PATH,
  pathOnly,
  PRINTABLE,
  printable,
} from '../input/dto-rules.js';
import { IsDto } from '../input/read-dto.js';
import type { JsonValue } from '../input/json.js';
import { type ChoicesSpec, SIZE } from '../template/choices.js';
import { PollDto } from './poll.dto.js';
import { PowerLookDto, SleepDto, WakeDto } from './power/power.dto.js';
import { WorkerProfileDto } from './profiles/profile.dto.js';
import { PROTOCOLS, TASKS, type WorkerProtocol, type WorkerTask } from './worker.js';

/** The swagger plugin takes a union for an object. */
const JSON_SCALAR = {
  oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
};

const SCALAR_OR_NULL = {
  oneOf: [{ type: 'string', nullable: true }, { type: 'number' }, { type: 'boolean' }],
};
const SCALARS = { type: 'array', items: SCALAR_OR_NULL } as const;

const LONGEST_WAIT_MS = 2_147_483_647;

export class WorkerDefaultsDto {
  /** 0 to 2. */
  @IsOptional() @IsNumber() @Min(0) @Max(2) temperature?: number;
  @IsOptional() @IsInt() @Min(1) @Max(10_000_000) max_tokens?: number;
  @IsOptional() @IsString() @MaxLength(65_536) system_prompt?: string;
  /** Width and height in pixels, such as 1280x720. */
  @IsOptional()
  @IsString()
  @Matches(SIZE, { message: '$property must be width and height in pixels, such as 1280x720' })
  size?: string;
  /** The length of a video. */
  @IsOptional() @IsNumber() @Min(0.1) @Max(3600) seconds?: number;
  /** Images or videos at once. */
  @IsOptional() @IsInt() @Min(1) @Max(100) n?: number;
  @IsOptional() @IsString() @Length(1, 100) quality?: string;
  @IsOptional() @IsString() @MaxLength(65_536) negative_prompt?: string;
  /** random: another one for each request. */
  @IsOptional()
  @IsSeed()
  @ApiProperty({ required: false, oneOf: [{ type: 'integer' }, { type: 'string', enum: ['random'] }] })
  seed?: number | 'random';
}

/** With one of `equals` and `in`. */
export class SuccessWhenDto {
  /** Written as response_extract is. */
  @IsString() @Length(1, 500) path!: string;
  @ValidateIf((rule: SuccessWhenDto) => rule.equals !== undefined)
  @IsJsonScalar()
  @ApiProperty({ ...JSON_SCALAR, required: false })
  equals?: string | number | boolean | null;
  @IsOptional() @IsScalarList(100) @ApiProperty({ ...SCALARS, required: false }) in?: readonly (
    string | number | boolean | null
  )[];
}

/** Both written as response_extract is. */
export class UsageExtractDto {
  @IsString() @Length(1, 500) input!: string;
  @IsString() @Length(1, 500) output!: string;
}

/** The event that completes a streamed answer: its data is this text, or it has this value at a path. */
export class StreamDoneDto {
  @IsOptional() @IsString() @Length(1, 500) data?: string;
  @IsOptional() @IsString() @Length(1, 500) path?: string;
  @IsOptional() @IsJsonScalar() @ApiProperty({ ...JSON_SCALAR, required: false }) equals?:
    string | number | boolean | null;
}

export class StreamExtractDto {
  /** By the answer's content type, if left out. */
  @IsOptional() @IsIn(['sse', 'ndjson']) format?: 'sse' | 'ndjson';
  /** Where an event holds its text, written as response_extract is; empty: the event is the text. */
  @IsString() @MaxLength(500) text!: string;
  @IsOptional() @IsDto(() => StreamDoneDto) done?: StreamDoneDto;
  @IsOptional() @IsString() @Length(1, 500) finish_reason?: string;
  @IsOptional() @IsDto(() => UsageExtractDto) usage?: UsageExtractDto;
  /** false: each event repeats the whole text so far. */
  @IsOptional() @IsBoolean() delta?: boolean;
}

export class TimeoutsDto {
  @IsOptional() @IsInt() @Min(1) @Max(600_000) connect_ms?: number;
  @IsOptional() @IsInt() @Min(1) @Max(LONGEST_WAIT_MS) first_byte_ms?: number;
  @IsOptional() @IsInt() @Min(1) @Max(LONGEST_WAIT_MS) idle_ms?: number;
  @IsOptional() @IsInt() @Min(1) @Max(LONGEST_WAIT_MS) total_ms?: number;
}

/** A gauge in the text format of Prometheus; the sum of its series counts. */
export class WaitingMetricDto {
  /** At the worker's origin. */
  @IsString() @MaxLength(2048) @Matches(PATH, pathOnly) path!: string;
  /** Its name, such as vllm:num_requests_waiting. */
  @IsString()
  @Length(1, 200)
  @Matches(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, { message: '$property must be the name of a metric of Prometheus' })
  metric!: string;
}

export class HealthCheckDto {
  /** http: a request to `path`; tcp: a connection; inference: a real call, which costs tokens; none: always healthy. */
  @IsOptional() @IsIn(['http', 'tcp', 'inference', 'none']) kind?: 'http' | 'tcp' | 'inference' | 'none';
  /** The prompt of an inference probe; ping by default. */
  @IsOptional() @IsString() @Length(1, 1000) @Matches(PRINTABLE, printable) prompt?: string;
  /** At the worker's origin; /health by default. */
  @IsOptional() @IsString() @MaxLength(2048) @Matches(PATH, pathOnly) path?: string;
  @IsOptional() @IsIn(['GET', 'HEAD', 'POST']) method?: 'GET' | 'HEAD' | 'POST';
  /** Any below 500 by default. */
  @IsOptional() @IsInt() @Min(200) @Max(599) expected_status?: number;
  @IsOptional() @IsString() @Length(1, 1000) body_contains?: string;
  /** For a worker with an API protocol: fail if upstream_model is not among the models it lists. */
  @IsOptional() @IsBoolean() require_model?: boolean;
  @IsOptional() @IsInt() @Min(100) @Max(3_600_000) interval_ms?: number;
  @IsOptional() @IsInt() @Min(10) @Max(14_000) timeout_ms?: number;
  @IsOptional() @IsInt() @Min(1) @Max(100) failures_down?: number;
  @IsOptional() @IsInt() @Min(1) @Max(100) successes_up?: number;
  /** With kind http: where the server shows how many requests wait inside it. */
  @IsOptional() @IsDto(() => WaitingMetricDto) waiting?: WaitingMetricDto;
}

/** A worker: one inference endpoint and how it is called. With `preset` (see GET /api/v1/presets) most fields can be left out. */
export class RegisterWorkerDto {
  /** The model that clients request; workers with the same model_name share its requests. */
  @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name!: string;
  /** http or https; the path and the query may hold placeholders. */
  @IsString() @Length(1, 2048) @Matches(PRINTABLE, printable) req_url_template!: string;
  /** The request body, with placeholders such as {USER_PROMPT}. */
  @IsOptional() @IsObject() body?: Record<string, JsonValue>;
  /** The owner of the worker; a label without effect. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) owner?: string;
  /** The path of the text in the response, such as data.items[].answer; empty: the whole response. */
  @IsOptional() @IsString() @MaxLength(500) @Matches(PRINTABLE, printable) response_extract?: string;
  @IsOptional() @IsIn(['GET', 'POST']) req_type?: 'GET' | 'POST';
  /** Request headers. Values that may be credentials are stored encrypted. */
  @IsOptional() @IsStringRecord(100) header?: Record<string, string>;
  @IsOptional() @IsBoolean() is_stream?: boolean;
  /** Query parameters. */
  @IsOptional() @IsScalarRecord(100) req_param?: Record<string, string | number | boolean>;
  /** A label without effect. */
  @IsOptional() @IsIn(['REMOTE', 'LOCAL']) worker_type?: 'REMOTE' | 'LOCAL';
  /** Distinguishes workers with the same model and URL. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) name?: string;
  /** template: called by body, req_param, header and response_extract. Otherwise called by that API, with req_url_template as its base URL. */
  @IsOptional() @IsIn(PROTOCOLS) protocol?: WorkerProtocol;
  /** The upstream's name of the model, if it is not model_name. */
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) upstream_model?: string;
  /** Left out: whatever its API offers with protocol openai or anthropic, else chat. */
  @IsOptional() @IsIn(TASKS) task?: WorkerTask;
  @IsOptional() @IsDto(() => WorkerDefaultsDto) defaults?: WorkerDefaultsDto;
  @IsOptional() @IsDto(() => PollDto) poll?: PollDto;
  /** How the worker is woken; left out: it never sleeps. */
  @IsOptional() @IsDto(() => WakeDto) wake?: WakeDto;
  /** With wake: how it is sent to sleep, and when. */
  @IsOptional() @IsDto(() => SleepDto) sleep?: SleepDto;
  /** With wake: what shows that it is asleep. Left out: it is asleep when it refuses connections. */
  @IsOptional() @IsDto(() => PowerLookDto) asleep_when?: PowerLookDto;
  /** What the upstream takes for a placeholder: a list of values, or an object from the client's values to the upstream's. */
  @IsOptional()
  @IsChoices()
  @ApiProperty({ required: false, type: Object })
  choices?: ChoicesSpec;
  /** With an API protocol: what the server takes beyond its API, or does not take. */
  @IsOptional() @IsDto(() => WorkerProfileDto) profile?: WorkerProfileDto;
  @IsOptional() @IsIn(['json', 'form', 'multipart']) body_format?: 'json' | 'form' | 'multipart';
  /** An answer without this value is a failure; in a stream, every event that has the path, except the one that ends it. */
  @IsOptional() @IsDto(() => SuccessWhenDto) success_when?: SuccessWhenDto;
  /** With is_stream: how the events of an answer are read. */
  @IsOptional() @IsDto(() => StreamExtractDto) stream_extract?: StreamExtractDto;
  /** Where an answer reports its tokens. */
  @IsOptional() @IsDto(() => UsageExtractDto) usage_extract?: UsageExtractDto;
  /** A worker with twice the weight gets twice the requests. */
  @IsOptional() @IsInt() @Min(1) @Max(1000) weight?: number;
  /** Workers with a higher number are used only if none with a lower number is available. */
  @IsOptional() @IsInt() @Min(0) @Max(1000) priority?: number;
  /** Concurrent requests, over all replicas. */
  @IsOptional() @IsInt() @Min(1) @Max(100_000) max_concurrency?: number;
  @IsOptional() @IsStringRecord(32, 63, 255) labels?: Record<string, string>;
  @IsOptional() @IsDto(() => TimeoutsDto) timeouts?: TimeoutsDto;
  /** When the client disconnects: abort the call, or let it finish. */
  @IsOptional() @IsIn(['abort', 'finish']) on_disconnect?: 'abort' | 'finish';
  @IsOptional() @IsDto(() => HealthCheckDto) health_check?: HealthCheckDto;
  /** The worker sends a heartbeat at least every so many seconds; after three missed ones it is suspect, and offline if its probes fail too. */
  @IsOptional() @IsInt() @Min(1) @Max(86_400) heartbeat_ttl_s?: number;
}

export class OfflineWorkerDto {
  @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name!: string;
  @IsString() @Length(1, 2048) @Matches(PRINTABLE, printable) req_url_template!: string;
  /** Left out: all workers with that model and URL. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) name?: string;
}

/**
 * A JSON merge patch on a worker's definition: fields that are left out stay, null resets to the default, objects merge member
 * by member. It describes the patch only; the definition that results is what is checked.
 */
export class PatchWorkerDto extends PartialType(RegisterWorkerDto) {}

/** Renews all workers with that model and URL, or the one with that name. */
export class HeartbeatDto extends OfflineWorkerDto {}
