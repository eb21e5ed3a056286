import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { WorkerDetails } from '../registry/management/worker-details.js';
import { ProbeNow } from './probe-now.js';
import { ProbedWorkerDto } from './probed-worker.dto.js';

@Controller('api/v1/workers/:id')
export class ProbeController {
  constructor(
    private readonly prober: ProbeNow,
    private readonly details: WorkerDetails,
  ) {}

  /** Probes a worker now and shows what was seen; it counts as any other probe does. */
  @Post('probe')
  @HttpCode(200)
  async probe(@Param('id') id: string): Promise<ProbedWorkerDto> {
    const { row, seen } = await this.prober.probe(id);
    const { ok, detail, ms } = seen;
    return { ...this.details.of(row), probe: { ok, detail, ms } };
  }
}
