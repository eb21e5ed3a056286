import { ApiProperty, PartialType, type ApiPropertyOptions } from '@nestjs/swagger';
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
} from 'class-validator';
import { IsDto } from '../input/dto.js';
import type { HasFurtherFaults } from '../input/input-pipe.js';
import type { InputFault } from '../input/input-errors.js';
import type { JsonValue } from '../template/json-value.js';
import { compileParts } from './calls/call-parts.js';
import { PRINTABLE, printable } from '../input/dto-rules.js';
import { expandPreset } from './presets/presets.js';
import { IsScalarRecord, IsStringRecord, IsJsonScalar } from '../input/dto-rules.js';

/** The one union here: the plugin takes it for an object. */
const JSON_SCALAR: ApiPropertyOptions = {
  oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
};

const LONGEST_WAIT_MS = 2_147_483_647;

export class WorkerDefaultsDto {
  /** 0 to 2. */
  @IsOptional() @IsNumber() @Min(0) @Max(2) temperature?: number;
  @IsOptional() @IsInt() @Min(1) @Max(10_000_000) max_tokens?: number;
  @IsOptional() @IsString() @MaxLength(65_536) system_prompt?: string;
}

export class SuccessWhenDto {
  /** Written as response_extract is. */
  @IsString() @Length(1, 500) path!: string;
  @IsJsonScalar() @ApiProperty(JSON_SCALAR) equals!: string | number | boolean | null;
}

/** Both written as response_extract is. */
export class UsageExtractDto {
  @IsString() @Length(1, 500) input!: string;
  @IsString() @Length(1, 500) output!: string;
}

/** What says that a streamed answer is complete: an event that is this text, or one with this value at a path. */
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

export class HealthCheckDto {
  /** http: a request to `path`; tcp: a connection; inference: a real call, which costs tokens; none: always taken to be healthy. */
  @IsOptional() @IsIn(['http', 'tcp', 'inference', 'none']) kind?: 'http' | 'tcp' | 'inference' | 'none';
  /** What an inference asks; ping by default. */
  @IsOptional() @IsString() @Length(1, 1000) @Matches(PRINTABLE, printable) prompt?: string;
  /** At the worker's origin; /health by default. */
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  @Matches(/^\/[\x21-\x7e]*$/, { message: '$property must begin with / and hold printable ASCII only' })
  path?: string;
  @IsOptional() @IsIn(['GET', 'HEAD', 'POST']) method?: 'GET' | 'HEAD' | 'POST';
  /** Any below 500 by default. */
  @IsOptional() @IsInt() @Min(100) @Max(599) expected_status?: number;
  @IsOptional() @IsString() @Length(1, 1000) body_contains?: string;
  /** Of a worker that speaks an API: fail when upstream_model is not among the models it lists. */
  @IsOptional() @IsBoolean() require_model?: boolean;
  @IsOptional() @IsInt() @Min(100) @Max(3_600_000) interval_ms?: number;
  @IsOptional() @IsInt() @Min(10) @Max(14_000) timeout_ms?: number;
  @IsOptional() @IsInt() @Min(1) @Max(100) failures_down?: number;
  @IsOptional() @IsInt() @Min(1) @Max(100) successes_up?: number;
}

/** A worker: one inference endpoint, by data alone. */
export class RegisterWorkerDto implements HasFurtherFaults {
  /** With `preset`, `base_url` and `api_key` a few words are enough. */
  static readonly expand = expandPreset;

  /** What callers ask for; workers with the same name share the work. */
  @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name!: string;
  /** http or https; placeholders may stand in the path and the query. */
  @IsString() @Length(1, 2048) @Matches(PRINTABLE, printable) req_url_template!: string;
  /** The request body, with {USER_PROMPT} where the prompt belongs. */
  @IsOptional() @IsObject() body?: Record<string, JsonValue>;
  /** Who owns the worker. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) owner?: string;
  /** Where the answer stands in the response: data.items[].answer; empty for the whole text. */
  @IsOptional() @IsString() @MaxLength(500) @Matches(PRINTABLE, printable) response_extract?: string;
  @IsOptional() @IsIn(['GET', 'POST']) req_type?: 'GET' | 'POST';
  /** Request headers. Values that may be credentials are stored encrypted. */
  @IsOptional() @IsStringRecord(100) header?: Record<string, string>;
  @IsOptional() @IsBoolean() is_stream?: boolean;
  /** Query parameters. */
  @IsOptional() @IsScalarRecord(100) req_param?: Record<string, string | number | boolean>;
  /** A label without effect. */
  @IsOptional() @IsIn(['REMOTE', 'LOCAL']) worker_type?: 'REMOTE' | 'LOCAL';
  /** Tells apart workers of the same model and URL. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) name?: string;
  /** template: spoken to by body, req_param, header and response_extract. Else by that API, at the base req_url_template. */
  @IsOptional() @IsIn(['template', 'openai', 'anthropic', 'gemini']) protocol?:
    'template' | 'openai' | 'anthropic' | 'gemini';
  /** What the upstream calls the model, where it has another name there. */
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) upstream_model?: string;
  /** Left out: whatever its API offers with protocol openai or anthropic, else chat. */
  @IsOptional() @IsIn(['chat', 'completion', 'embedding', 'image', 'video', 'audio']) task?:
    'chat' | 'completion' | 'embedding' | 'image' | 'video' | 'audio';
  @IsOptional() @IsDto(() => WorkerDefaultsDto) defaults?: WorkerDefaultsDto;
  @IsOptional() @IsIn(['json', 'form']) body_format?: 'json' | 'form';
  /** What an answer must say; of a stream, every event that has something at the path, but for its end mark. */
  @IsOptional() @IsDto(() => SuccessWhenDto) success_when?: SuccessWhenDto;
  /** With is_stream: how an answer is read event by event. */
  @IsOptional() @IsDto(() => StreamExtractDto) stream_extract?: StreamExtractDto;
  /** Where a whole answer tells its tokens. */
  @IsOptional() @IsDto(() => UsageExtractDto) usage_extract?: UsageExtractDto;
  /** Twice the weight, twice the work. */
  @IsOptional() @IsInt() @Min(1) @Max(1000) weight?: number;
  /** Lower first; higher only when no lower one can be used. */
  @IsOptional() @IsInt() @Min(0) @Max(1000) priority?: number;
  /** Requests it is given at once. */
  @IsOptional() @IsInt() @Min(1) @Max(100_000) max_concurrency?: number;
  @IsOptional() @IsStringRecord(32, 63, 255) labels?: Record<string, string>;
  @IsOptional() @IsDto(() => TimeoutsDto) timeouts?: TimeoutsDto;
  /** When the caller hangs up: abort the call, or let it finish. */
  @IsOptional() @IsIn(['abort', 'finish']) on_disconnect?: 'abort' | 'finish';
  @IsOptional() @IsDto(() => HealthCheckDto) health_check?: HealthCheckDto;
  /** It promises a heartbeat within so many seconds; three missed make it suspect, and offline if probes fail too. */
  @IsOptional() @IsInt() @Min(1) @Max(86_400) heartbeat_ttl_s?: number;

  furtherFaults(faulty: ReadonlySet<string>): readonly InputFault[] {
    const definition = {
      req_url_template: this.req_url_template,
      req_param: this.req_param ?? null,
      body: this.body ?? null,
      body_format: this.body_format ?? 'json',
      response_extract: this.response_extract ?? '',
      success_when: this.success_when ?? null,
      stream_extract: this.stream_extract ?? null,
      usage_extract: this.usage_extract ?? null,
    } as const;
    return compileParts(definition, this.header ?? {}, faulty).faults;
  }
}

export class OfflineWorkerDto {
  @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name!: string;
  @IsString() @Length(1, 2048) @Matches(PRINTABLE, printable) req_url_template!: string;
  /** Left out: all workers of that model at that URL. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) name?: string;
}

/**
 * A JSON merge patch on a worker's definition: what is left out stays, null resets to the default, objects merge member by
 * member. Describes it only: what counts is the definition that it makes.
 */
export class PatchWorkerDto extends PartialType(RegisterWorkerDto) {}

/** Whom it renews: all workers of that model at that URL, or the one of that name. */
export class HeartbeatDto extends OfflineWorkerDto {}
