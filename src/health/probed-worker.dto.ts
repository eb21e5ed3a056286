import { WorkerDto } from '../registry/worker-answers.dto.js';

export class ProbeSeenDto {
  ok!: boolean;
  /** In words. */
  detail!: string;
  /** How long it took. */
  ms!: number;
}

/** A worker after it was probed, and what was seen. */
export class ProbedWorkerDto extends WorkerDto {
  probe!: ProbeSeenDto;
}
