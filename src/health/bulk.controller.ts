import { Body, Controller, HttpCode, Logger, Post } from '@nestjs/common';
import { ForbiddenError } from '../access/access-errors.js';
import { type Caller, CurrentCaller } from '../access/caller.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { InvalidInputError } from '../input/input-errors.js';
import { type BulkAnswerDto, BulkDto, MOST_WORKERS } from '../registry/management/switch.dto.js';
import { WorkerManagement } from '../registry/management/worker-management.js';
import { WorkerNotFoundError } from '../registry/registry-errors.js';
import { WorkerQueries } from '../registry/worker-queries.js';
import { ProbeNow } from './probe-now.js';

type Result = BulkAnswerDto['data'][number];

/** So many at once: fewer than there are connections to the database. */
const AT_ONCE = 4;

@Controller('api/v1/workers')
export class BulkController {
  private readonly logger = new Logger('Registry');

  constructor(
    private readonly management: WorkerManagement,
    private readonly queries: WorkerQueries,
    private readonly prober: ProbeNow,
  ) {}

  /** Switches or probes many workers, each by itself: the answer says of each whether it is done. */
  @Post('bulk')
  @HttpCode(200)
  async bulk(@Body() dto: BulkDto, @CurrentCaller() caller: Caller): Promise<BulkAnswerDto> {
    const left = (await this.idsOf(dto, caller)).entries();
    const data: Result[] = [];
    const work = async (): Promise<void> => {
      for (const [index, id] of left) data[index] = await this.result(id, dto, caller);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return { data };
  }

  /** @throws InvalidInputError */
  private async idsOf({ ids, model_name: model }: BulkDto, caller: Caller): Promise<readonly string[]> {
    if (ids !== undefined && model === undefined) return [...new Set(ids)];
    if (model === undefined || ids !== undefined)
      throw new InvalidInputError([
        { field: 'ids', problem: 'is for workers, model_name for all of a model: send one of them' },
      ]);
    const found = await this.queries.switchableIds(model, caller);
    if (found.length <= MOST_WORKERS) return found;
    const problem = `has ${found.length} workers, and one request switches at most ${MOST_WORKERS}: send ids`;
    throw new InvalidInputError([{ field: 'model_name', problem }]);
  }

  private async result(id: string, dto: BulkDto, caller: Caller): Promise<Result> {
    try {
      return { id, ...(await this.act(id, dto, caller)) };
    } catch (error) {
      if (
        error instanceof ForbiddenError ||
        error instanceof WorkerNotFoundError ||
        error instanceof DatabaseUnavailableError
      )
        return { id, ok: false, problem: error.message };
      this.logger.error(error);
      return { id, ok: false, problem: 'this service failed; its log says why' };
    }
  }

  private async act(id: string, { do: action, note }: BulkDto, caller: Caller): Promise<Omit<Result, 'id'>> {
    if (action !== 'probe') {
      await this.management.switch(id, action, caller, note);
      return { ok: true, problem: null };
    }
    const { seen } = await this.prober.probe(id, caller);
    return seen.failure === null ? { ok: true, problem: null } : { ok: false, problem: seen.detail };
  }
}
