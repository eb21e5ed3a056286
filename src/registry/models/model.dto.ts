import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { PRIORITIES, type Priority, STRATEGIES, type Strategy } from '../../config/balancing-settings.js';
import { PRINTABLE, printable } from '../../input/dto-rules.js';
import { IsDto } from '../../input/read-dto.js';
import { TimeoutsDto } from '../register-worker.dto.js';
import { RETRY_CAUSES, type RetryCause } from './model-policy.js';

const distinct = { message: '$property must not hold duplicates' };

export class QueueDto {
  /** Requests that may wait for the model on one replica, 0 to 1,000,000; if left out, two for each of its slots, 1,000 at most. */
  @IsOptional() @IsInt() @Min(0) @Max(1_000_000) max?: number;
  /** Milliseconds that a request waits for a worker to become free, bulk until its deadline; BALANCING_QUEUE_WAIT_MS, if left out. */
  @IsOptional() @IsInt() @Min(0) @Max(3_600_000) wait_ms?: number;
}

const PRICE = { message: '$property must be a number from 0 to 1,000,000,000' };
const HIGHEST_PRICE = 1e9;

/** What the use of a model costs. At least one number. */
export class PriceDto {
  /** Three capital letters, such as EUR. */
  @Matches(/^[A-Z]{3}$/, { message: '$property must be three capital letters, such as EUR' })
  currency!: string;
  /** For a million tokens of input. */
  @IsOptional() @IsNumber({}, PRICE) @Min(0, PRICE) @Max(HIGHEST_PRICE, PRICE) input?: number | null;
  /** For a million tokens of output. */
  @IsOptional() @IsNumber({}, PRICE) @Min(0, PRICE) @Max(HIGHEST_PRICE, PRICE) output?: number | null;
  /** For a million tokens of input that the server has in its cache; as input, if left out. */
  @IsOptional() @IsNumber({}, PRICE) @Min(0, PRICE) @Max(HIGHEST_PRICE, PRICE) cached_input?: number | null;
  /** For an image that is made. */
  @IsOptional() @IsNumber({}, PRICE) @Min(0, PRICE) @Max(HIGHEST_PRICE, PRICE) image?: number | null;
  /** For a second of video or audio that is made. */
  @IsOptional() @IsNumber({}, PRICE) @Min(0, PRICE) @Max(HIGHEST_PRICE, PRICE) second?: number | null;
}

/** The policy for all workers of a model. The settings decide what is left out. */
export class PutModelDto {
  /** How its workers are picked; BALANCING_STRATEGY, if left out. */
  @IsOptional() @IsIn(STRATEGIES) strategy?: Strategy;
  /** Models that are tried in this order when none of its workers can answer. They need not exist yet. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(10)
  @ArrayUnique(distinct)
  @IsString({ each: true })
  @Length(1, 200, { each: true })
  @Matches(PRINTABLE, { each: true, message: `each of ${printable.message}` })
  fallbacks?: string[];
  /** Further workers that are tried after a failure, 0 to 10; BALANCING_RETRIES, if left out. */
  @IsOptional() @IsInt() @Min(0) @Max(10) retries?: number;
  /** Failures after which another worker is tried; all of these, if left out. timeout: of a stream that did not begin. */
  @IsOptional() @IsArray() @ArrayUnique(distinct) @IsIn(RETRY_CAUSES, { each: true }) retry_on?: RetryCause[];
  @IsOptional() @IsDto(() => QueueDto) queue?: QueueDto;
  /** Seconds that a request waits for a worker that is being woken, 0 to 3600; SCHEDULING_HOLD_S, if left out. */
  @IsOptional() @IsInt() @Min(0) @Max(3600) hold_s?: number;
  /** The class of requests that name none, of keys that name none; default, if left out. */
  @IsOptional() @IsIn(PRIORITIES) priority?: Priority;
  /** The share of the slots that bulk may take while other requests come, 0.05 to 1; 0.95, if left out. */
  @IsOptional() @IsNumber() @Min(0.05) @Max(1) bulk_share?: number;
  /** For workers without timeouts of their own; total_ms bounds a whole request, all attempts and fallbacks together. */
  @IsOptional() @IsDto(() => TimeoutsDto) timeouts?: TimeoutsDto;
  /** What the use of the model costs, from now on. If left out, nothing that is known. */
  @IsOptional() @IsDto(() => PriceDto) price?: PriceDto;
}

export class ShownPriceDto {
  currency!: string;
  input!: number | null;
  output!: number | null;
  cached_input!: number | null;
  image!: number | null;
  second!: number | null;
}

/** What is in force for a model: its policy, and the settings for what the policy leaves out. */
export class EffectivePolicyDto {
  strategy!: Strategy;
  retries!: number;
  retry_on!: RetryCause[];
  /** max: requests that may wait on each replica; max_per_slot: and no more than this for each of its slots (null: no such limit). */
  queue!: { max: number; max_per_slot: number | null; wait_ms: number };
  /** Seconds that a request waits for a worker that is being woken. */
  hold_s!: number;
  /** The class of requests that name none, of keys that name none. */
  @ApiProperty({ enum: PRIORITIES }) priority!: Priority;
  bulk_share!: number;
  /** A worker's own timeouts win. */
  timeouts!: { connect_ms: number; first_byte_ms: number; idle_ms: number; total_ms: number };
}

/** Workers that can sleep, by state. */
export class ModelPowerDto {
  awake?: number;
  asleep?: number;
  waking?: number;
}

/** A model: its policy, if it has one, and the states of its workers. */
export class ModelDto {
  name!: string;
  strategy!: Strategy | null;
  fallbacks!: string[];
  retries!: number | null;
  retry_on!: RetryCause[] | null;
  queue!: { max: number | null; wait_ms: number | null };
  hold_s!: number | null;
  @ApiProperty({ enum: PRIORITIES, nullable: true }) priority!: Priority | null;
  bulk_share!: number | null;
  timeouts!: {
    connect_ms: number | null;
    first_byte_ms: number | null;
    idle_ms: number | null;
    total_ms: number | null;
  };
  price!: ShownPriceDto | null;
  effective!: EffectivePolicyDto;
  /** The number of workers by state: the health of enabled workers, the admin_state of the others. */
  workers!: Record<string, number>;
  /** Of its enabled workers that can sleep, how many are awake, asleep and waking; only what there is. */
  power!: ModelPowerDto;
  /** Rises with every change of the policy; 0 while there is none. */
  generation!: number;
  updated_at!: Date | null;
  updated_by!: string | null;
}

export class ModelListDto {
  data!: ModelDto[];
  next_cursor!: string | null;
}
