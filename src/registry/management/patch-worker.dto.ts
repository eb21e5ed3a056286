import { PartialType } from '@nestjs/swagger';
import { RegisterWorkerDto } from '../registration/register-worker.dto.js';

/**
 * A JSON merge patch on a worker's definition: what is left out stays, null resets to the default, objects merge member by
 * member. Describes it only: what counts is the definition that it makes.
 */
export class PatchWorkerDto extends PartialType(RegisterWorkerDto) {}
