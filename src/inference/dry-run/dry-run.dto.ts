import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import {
  IsArray,
  IsBoolean,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import type { HasFurtherFaults } from '../../input/input-pipe.js';
import type { InputFault } from '../../input/input-errors.js';
import { IsDto } from '../../input/read-dto.js';
import { PatchWorkerDto, RegisterWorkerDto } from '../../registry/register-worker.dto.js';
import { faultsOfRegistration } from '../../registry/registration/read-registration.js';

const ONE_OR_SEVERAL = {
  required: false,
  oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }],
};

const PATH_STEPS = {
  type: 'array',
  items: { oneOf: [{ type: 'string' }, { type: 'integer' }] },
  required: false,
} satisfies ApiPropertyOptions;

/** JSON bodies, as answers with status 200. Several of a kind: one after the other. */
export class DryAnswersDto {
  @IsOptional() @ApiProperty({ required: false, type: Object }) submit?: unknown;
  @IsOptional() @ApiProperty(ONE_OR_SEVERAL) status?: unknown;
  @IsOptional() @ApiProperty(ONE_OR_SEVERAL) result?: unknown;
}

/** The request to try. */
export class DryRunInputDto {
  /** A greeting if neither this nor `messages` is set. */
  @IsOptional() @IsString() @MaxLength(65_536) prompt?: string;
  /** In the OpenAI format, instead of `prompt`. */
  @IsOptional()
  @IsArray()
  @ApiProperty({ type: 'array', items: { $ref: '#/components/schemas/ChatMessage' }, required: false })
  messages?: object[];
  /** 0 to 2. */
  @IsOptional() @IsNumber() @Min(0) @Max(2) temperature?: number;
  @IsOptional() @IsInt() @Min(1) @Max(10_000_000) max_tokens?: number;
  /** true: as a client that requests a stream; the events are joined here. */
  @IsOptional() @IsBoolean() stream?: boolean;
  /** true: the request is sent to the worker. With poll a task is submitted, which may cost money, and cancelled after 30 s. */
  @IsOptional() @IsBoolean() call?: boolean;
  /** With poll: a task that still runs is not cancelled. */
  @IsOptional() @IsBoolean() keep?: boolean;
  /** With poll: what the upstream would answer, such as the examples of its documentation. Nothing is called. */
  @IsOptional() @IsDto(() => DryAnswersDto) answers?: DryAnswersDto;
  /** Fields of a request for images and videos, such as n, size, seconds, seed, image and extra. */
  @IsOptional()
  @IsObject()
  @ApiProperty({ required: false, type: Object })
  media?: Record<string, unknown>;
}

/** A registration to try, and the request for it. */
export class DryRunDto extends DryRunInputDto implements HasFurtherFaults {
  /** The registration. */
  @IsObject() @ApiProperty({ type: RegisterWorkerDto }) worker!: object;

  furtherFaults(faulty: ReadonlySet<string>): readonly InputFault[] {
    if (faulty.has('worker')) return [];
    return faultsOfRegistration(this.worker).map(({ field, problem }) => ({
      field: `worker.${field}`,
      problem,
    }));
  }
}

/** A request for a worker that is registered. */
export class StoredDryRunDto extends DryRunInputDto {
  /** Changes to try, as a PATCH of the worker takes them. They are not stored. */
  @IsOptional() @IsObject() @ApiProperty({ type: PatchWorkerDto, required: false }) patch?: object;
}

export class DryRequestDto {
  method!: string;
  url!: string;
  headers!: Record<string, string>;
  body!: string | null;
}

export class DryResponseDto {
  status!: number;
  headers!: Record<string, string>;
  /** The first 64 Ki characters. */
  body!: string;
  /** Whether the body is longer. */
  truncated!: boolean;
}

export class DryUsageDto {
  input!: number;
  output!: number;
  /** Part of the input, read from a cache. */
  cached?: number;
  /** Part of the output, spent on reasoning. */
  reasoning?: number;
}

/** One step of long work. */
export class DryStepDto {
  step!: 'submit' | 'status' | 'result' | 'cancel';
  /** Kept values that are not known stand as ‹NAME›. null: it cannot be made, or it was not needed. */
  request!: DryRequestDto | null;
  response?: DryResponseDto;
  /** What the answer means: the state, the upstream's own word, progress, kept values, files. */
  reading?: object;
  /** Where something is missing: the steps of its path, as far as they lead into the answer. */
  @ApiProperty(PATH_STEPS) path_steps?: (string | number)[];
  /** What stands there. */
  found?: string;
  /** The keys there, 50 at most. */
  keys?: string[];
  problem?: string;
}

/** The request and the response. Secrets are hidden in both. */
export class DryRunAnswerDto {
  /** What this dry run may have cost. */
  warning?: string;
  /** null: it cannot be made, and `problem` says why. */
  request!: DryRequestDto | null;
  /** What the worker's profile changed in the request. */
  profile_changes?: string[];
  response?: DryResponseDto;
  /** The answer that a client would get. */
  extracted?: string;
  /** With an answer path (response_extract, or stream_extract.text of a stream): its steps, as far as they lead into the answer. */
  @ApiProperty(PATH_STEPS) path_steps?: (string | number)[];
  /** What stands there, such as `text`, `an object`, `a list of 3`, `null`. */
  found?: string;
  /** The keys that stand there, of an object; 50 at most. */
  keys?: string[];
  /** The tokens used, if the worker reports them. */
  usage?: DryUsageDto;
  /** Why a client would get no answer. */
  problem?: string;
  /** With poll: the steps in order. */
  steps?: DryStepDto[];
}
