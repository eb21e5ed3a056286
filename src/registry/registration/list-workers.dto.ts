import { IsIn, IsOptional } from 'class-validator';

export class ListWorkersDto {
  /** true: everything that may be shown of each worker. */
  @IsOptional()
  @IsIn(['true', 'false'])
  detail?: 'true' | 'false';
}
