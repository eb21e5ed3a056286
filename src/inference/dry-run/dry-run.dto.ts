import { ApiProperty } from '@nestjs/swagger';
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
import { RegisterWorkerDto } from '../../registry/register-worker.dto.js';
import { faultsOfRegistration } from '../../registry/registration/read-registration.js';
import { ChatMessageDto } from '../apis/native/native-api.dto.js';

/** A registration that is tried out, and what it is asked. */
export class DryRunDto implements HasFurtherFaults {
  /** What would be registered. */
  @IsObject() @ApiProperty({ type: RegisterWorkerDto }) worker!: object;
  /** A greeting, where neither this nor `messages` is given. */
  @IsOptional() @IsString() @MaxLength(65_536) prompt?: string;
  /** OpenAI's, instead of `prompt`. */
  @IsOptional()
  @IsArray()
  @ApiProperty({ type: [ChatMessageDto], required: false })
  messages?: ChatMessageDto[];
  /** 0 to 2. */
  @IsOptional() @IsNumber() @Min(0) @Max(2) temperature?: number;
  @IsOptional() @IsInt() @Min(1) @Max(10_000_000) max_tokens?: number;
  /** true: as a caller asks who wants the answer in pieces; they are put together again. */
  @IsOptional() @IsBoolean() stream?: boolean;
  /** true: the request is sent, too. */
  @IsOptional() @IsBoolean() call?: boolean;

  furtherFaults(faulty: ReadonlySet<string>): readonly InputFault[] {
    if (faulty.has('worker')) return [];
    return faultsOfRegistration(this.worker).map(({ field, problem }) => ({
      field: `worker.${field}`,
      problem,
    }));
  }
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
  /** Its first 64 Ki characters. */
  body!: string;
  /** Whether there was more. */
  truncated!: boolean;
}

export class DryUsageDto {
  input!: number;
  output!: number;
  /** Of the input, read from a cache. */
  cached?: number;
  /** Of the output, spent on reasoning. */
  reasoning?: number;
}

/** What was, or would be, sent; and what came back. Secrets are hidden in all of it. */
export class DryRunAnswerDto {
  /** null where it cannot be made: `problem` says why. */
  request!: DryRequestDto | null;
  response?: DryResponseDto;
  /** What a caller would get as the answer. */
  extracted?: string;
  /** The tokens it took, where the worker tells. */
  usage?: DryUsageDto;
  /** Why a caller would get none. */
  problem?: string;
}
