import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { STRATEGIES, type Strategy } from '../../config/settings.js';
import { IsDto } from '../../input/dto.js';
import { TimeoutsDto } from '../register-worker.dto.js';
import { RETRY_CAUSES, type RetryCause } from './model-policy.js';

const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;
const printable = {
  each: true,
  message: 'each of $property must not hold control characters or lone surrogates',
};
const distinct = { message: '$property must not hold the same twice' };

export class QueueDto {
  /** Requests that may wait for the model on a replica, 0 to 1,000,000; by the caps of its workers, if left out. */
  @IsOptional() @IsInt() @Min(0) @Max(1_000_000) max?: number;
  /** Milliseconds a request waits for a worker to become free; BALANCING_QUEUE_WAIT_MS, if left out. */
  @IsOptional() @IsInt() @Min(0) @Max(3_600_000) wait_ms?: number;
}

/** What holds for all workers of a model. What is left out, the settings decide. */
export class PutModelDto {
  /** How its workers are picked; BALANCING_STRATEGY, if left out. */
  @IsOptional() @IsIn(STRATEGIES) strategy?: Strategy;
  /** Models that are asked, in this order, when none of its workers can answer. They need not be there yet. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(10)
  @ArrayUnique(distinct)
  @IsString({ each: true })
  @Length(1, 200, { each: true })
  @Matches(PRINTABLE, printable)
  fallbacks?: string[];
  /** Further workers that are asked after one refused, 0 to 10; BALANCING_RETRIES, if left out. */
  @IsOptional() @IsInt() @Min(0) @Max(10) retries?: number;
  /** What another worker is asked after; everything that allows it, if left out. timeout: of a stream that did not begin. */
  @IsOptional() @IsArray() @ArrayUnique(distinct) @IsIn(RETRY_CAUSES, { each: true }) retry_on?: RetryCause[];
  @IsOptional() @IsDto(() => QueueDto) queue?: QueueDto;
  /** For workers that do not say themselves; total_ms bounds a whole request, all attempts and fallbacks together. */
  @IsOptional() @IsDto(() => TimeoutsDto) timeouts?: TimeoutsDto;
}

/** A model: its policy, as far as there is one, and how its workers are. */
export class ModelDto {
  name!: string;
  strategy!: Strategy | null;
  fallbacks!: string[];
  retries!: number | null;
  retry_on!: RetryCause[] | null;
  queue!: { max: number | null; wait_ms: number | null };
  timeouts!: {
    connect_ms: number | null;
    first_byte_ms: number | null;
    idle_ms: number | null;
    total_ms: number | null;
  };
  /** How many workers are in each state: the health of those enabled, the admin_state of the others. */
  workers!: Record<string, number>;
  /** Rises with every change of the policy; 0 while there is none. */
  generation!: number;
  updated_at!: Date | null;
  updated_by!: string | null;
}

export class ModelListDto {
  data!: ModelDto[];
  next_cursor!: string | null;
}
