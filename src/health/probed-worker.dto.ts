import { WorkerDto } from '../registry/worker-answers.dto.js';

export class ProbeSeenDto {
  ok!: boolean;
  /** The result as text. */
  detail!: string;
  /** How long it took. */
  ms!: number;
}

/** A worker after it was probed, and the result. */
export class ProbedWorkerDto extends WorkerDto {
  probe!: ProbeSeenDto;
}
