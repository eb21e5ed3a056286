import { IsIn, IsOptional } from 'class-validator';
import type { ListedWorkerDto } from '../worker-answers.dto.js';

/** What the native API answers when a call succeeded. */
export class DoneDto {
  success!: boolean;
  msg!: string;
}

export class WorkerListDto {
  success!: boolean;
  data!: ListedWorkerDto[];
}

export class ListWorkersDto {
  /** true: each worker with its state. */
  @IsOptional()
  @IsIn(['true', 'false'])
  detail?: 'true' | 'false';
}
