import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Max,
  Min,
} from 'class-validator';
import { IsScalarList, IsStringRecord, IsText, IsWords } from '../input/dto-rules.js';
import { IsDto, IsDtoList } from '../input/read-dto.js';
import type { JsonValue } from '../input/json.js';

type Scalar = string | number | boolean | null;

const SCALAR = {
  oneOf: [{ type: 'string', nullable: true }, { type: 'number' }, { type: 'boolean' }],
};
const WORDS = {
  required: false,
  oneOf: [
    { type: 'array', items: SCALAR },
    { type: 'string', enum: ['any'] },
  ],
};
const PATHS = {
  required: false,
  oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
};
const LONGEST_PATH = 500;
const MOST_PATHS = 20;
const DAY_MS = 86_400_000;

/** A request after the submit. It knows what was kept, {MODEL_NAME}, {JOB_ID} and {REQUEST_ID}. */
export class PollStepDto {
  /** Absolute, beginning with / at the worker's origin, or wholly one kept value. */
  @IsString() @Length(1, 2048) url!: string;
  /** GET by default. */
  @IsOptional() @IsIn(['GET', 'POST', 'PUT', 'DELETE']) method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Added to the worker's headers; an empty value leaves one of them out. */
  @IsOptional() @IsStringRecord(100) header?: Record<string, string>;
  @IsOptional() @IsObject() body?: Record<string, JsonValue>;
  @IsOptional() @IsIn(['json', 'form', 'multipart']) body_format?: 'json' | 'form' | 'multipart';
}

/** What the values at a path mean. null: nothing stands there; "any": whatever stands there. */
export class StateRuleDto {
  @IsString() @Length(1, LONGEST_PATH) path!: string;
  @IsOptional() @IsWords() @ApiProperty(WORDS) queued?: readonly Scalar[] | 'any';
  @IsOptional() @IsWords() @ApiProperty(WORDS) running?: readonly Scalar[] | 'any';
  @IsOptional() @IsWords() @ApiProperty(WORDS) done?: readonly Scalar[] | 'any';
  @IsOptional() @IsWords() @ApiProperty(WORDS) failed?: readonly Scalar[] | 'any';
  @IsOptional() @IsWords() @ApiProperty(WORDS) cancelled?: readonly Scalar[] | 'any';
  /** The upstream does not know the task. */
  @IsOptional() @IsWords() @ApiProperty(WORDS) lost?: readonly Scalar[] | 'any';
}

export class ProgressDto {
  @IsString() @Length(1, LONGEST_PATH) path!: string;
  /** What is 100 %; 100 by default. */
  @IsOptional() @IsNumber() @Min(0.000001) @Max(1_000_000_000) of?: number;
}

export class BusyWhenDto {
  @IsString() @Length(1, LONGEST_PATH) path!: string;
  @IsScalarList(100) @ApiProperty({ type: 'array', items: SCALAR }) in!: readonly Scalar[];
}

/** Where the files of a task that is done are. */
export class PollResultDto {
  /** A path or several: the first that finds something. */
  @IsOptional() @IsText(LONGEST_PATH, MOST_PATHS) @ApiProperty(PATHS) extract?: string | readonly string[];
  /** bytes: the answer to `request` is the file. */
  @IsIn(['url', 'base64', 'bytes']) as!: 'url' | 'base64' | 'bytes';
  /** The things in the answer to the status for each of which `request` is sent. */
  @IsOptional() @IsString() @Length(1, LONGEST_PATH) each?: string;
  /** Values of each thing, or of the answer to the status, for `request`. */
  @IsOptional() @IsStringRecord(20, 40, LONGEST_PATH) keep?: Record<string, string>;
  /** The request whose answer holds the result; left out: the answer to the status holds it. */
  @IsOptional() @IsDto(() => PollStepDto) request?: PollStepDto;
  /** How long the upstream keeps its files, in seconds. */
  @IsOptional() @IsInt() @Min(1) @Max(31_536_000) expires_s?: number;
  /** true: files are copied into the database. */
  @IsOptional() @IsBoolean() store?: boolean;
}

/** Long work: the worker's own request submits a task, and these steps follow it to its end. */
@ApiExtraModels(StateRuleDto)
export class PollDto {
  /** Values of the submit's answer for later steps: name to path. */
  @IsOptional() @IsStringRecord(20, 40, LONGEST_PATH) keep?: Record<string, string>;
  /** Origins that get the worker's credentials besides its own. */
  @IsOptional()
  @IsText(2048, 20, 'list')
  origins?: string[];
  @IsDto(() => PollStepDto) status!: PollStepDto;
  /** One rule, or several that are read in order. */
  @IsDtoList(() => StateRuleDto, 20)
  @ApiProperty({
    oneOf: [
      { $ref: getSchemaPath(StateRuleDto) },
      { type: 'array', items: { $ref: getSchemaPath(StateRuleDto) } },
    ],
  })
  state!: StateRuleDto | readonly StateRuleDto[];
  @IsOptional() @IsDto(() => ProgressDto) progress?: ProgressDto;
  /** The path of the task's place in the upstream's queue. */
  @IsOptional() @IsString() @Length(1, LONGEST_PATH) queue_position?: string;
  /** The path of an error's text in any answer, or several: the first that finds something. */
  @IsOptional() @IsText(LONGEST_PATH, MOST_PATHS) @ApiProperty(PATHS) error?: string | readonly string[];
  /** An answer to the submit that means: not now, and nothing was made. */
  @IsOptional() @IsDto(() => BusyWhenDto) busy_when?: BusyWhenDto;
  @IsDto(() => PollResultDto) result!: PollResultDto;
  /** All of them are sent. */
  @IsOptional()
  @IsDtoList(() => PollStepDto, 5)
  @ApiProperty({ required: false, type: [PollStepDto] })
  cancel?: PollStepDto | readonly PollStepDto[];
  /** If it is unknown whether a submit arrived: give up, submit once more, or request the status by {JOB_ID} first. */
  @IsOptional() @IsIn(['never', 'once', 'ask']) resubmit?: 'never' | 'once' | 'ask';
  /** Between two looks at a task; 2000 by default. */
  @IsOptional() @IsInt() @Min(500) @Max(3_600_000) interval_ms?: number;
  /** From the submit to the end; 1800000 by default. */
  @IsOptional() @IsInt() @Min(1000) @Max(DAY_MS) timeout_ms?: number;
  /** How long a task that the upstream does not know is looked for; 30000 by default. */
  @IsOptional() @IsInt() @Min(0) @Max(3_600_000) not_found_ms?: number;
  /** How long the submit may take; 60000 by default. */
  @IsOptional() @IsInt() @Min(1000) @Max(600_000) submit_timeout_ms?: number;
  /** How long a job waits for a place; 600000 by default. */
  @IsOptional() @IsInt() @Min(0) @Max(DAY_MS) queue_ms?: number;
}

/** A DTO's fields without its class. */
type Plain<Dto> = { [Name in keyof Dto]: Dto[Name] };
export type PollStepSpec = Plain<PollStepDto>;
export type PollResultSpec = Omit<Plain<PollResultDto>, 'request'> & { request?: PollStepSpec };
export type PollSpec = Omit<Plain<PollDto>, 'status' | 'result' | 'cancel'> & {
  status: PollStepSpec;
  result: PollResultSpec;
  cancel?: PollStepSpec | readonly PollStepSpec[];
};
