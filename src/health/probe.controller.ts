import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { type Caller, CurrentCaller } from '../access/caller.js';
import { WorkerViews } from '../registry/worker-view.js';
import { ProbeNow } from './probe-now.js';
import { ProbedWorkerDto } from '../registry/worker-answers.dto.js';

@Controller('api/v1/workers/:id')
export class ProbeController {
  constructor(
    private readonly prober: ProbeNow,
    private readonly views: WorkerViews,
  ) {}

  /** Probes a worker now and returns the result, which counts like that of any other probe. */
  @Post('probe')
  @HttpCode(200)
  async probe(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<ProbedWorkerDto> {
    const { row, seen } = await this.prober.probe(id, caller);
    const { failure, detail, ms } = seen;
    return { ...this.views.detail(row), probe: { ok: failure === null, detail, ms } };
  }
}
