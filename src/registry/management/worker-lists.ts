import { Injectable } from '@nestjs/common';
import type { PageQueryDto } from '../../input/page.dto.js';
import { limitOf, type Page, pageOf, readCursor } from '../../input/page.js';
import { WorkerActivity } from '../live/worker-activity.js';
import type { WorkerEventEntity } from '../worker-event.entity.js';
import type { ListWorkersQueryDto } from '../list-workers-query.dto.js';
import { listedWorker } from './worker-details.js';
import { EVENT_CURSOR, WorkerQueries } from '../worker-queries.js';
import { sortNamed } from './worker-sort.js';

/** Lists, a page at a time, from the database: what a replica has in memory lacks workers that are offline. */
@Injectable()
export class WorkerLists {
  constructor(
    private readonly directory: WorkerQueries,
    private readonly activity: WorkerActivity,
  ) {}

  /** @throws InvalidInputError, DatabaseUnavailableError */
  async workers(query: ListWorkersQueryDto): Promise<Page<ReturnType<typeof listedWorker>>> {
    const sort = sortNamed(query.sort);
    const limit = limitOf(query);
    const filter = {
      model_name: query.model_name,
      owner: query.owner,
      health: listOf(query.health),
      admin_state: listOf(query.admin_state),
      label: listOf(query.label),
    };
    const after = readCursor(query.cursor, sort);
    const rows = await this.directory.list(filter, sort, { limit, after });
    return pageOf(
      rows,
      limit,
      sort,
      ({ sort_key, id }) => [sort_key, id],
      (row) => listedWorker(row, this.activity),
    );
  }

  /** @throws InvalidInputError, WorkerNotFoundError, DatabaseUnavailableError */
  async events(workerId: string, query: PageQueryDto): Promise<Page<ReturnType<typeof eventView>>> {
    const limit = limitOf(query);
    const after = readCursor(query.cursor, EVENT_CURSOR);
    const rows = await this.directory.events(workerId, { limit, after });
    return pageOf(rows, limit, EVENT_CURSOR, ({ id }) => [id], eventView);
  }
}

function eventView({
  id,
  at,
  kind,
  detail,
  actor,
  generation,
  model_name,
  req_url_template,
}: WorkerEventEntity) {
  return { id, at, kind, detail, actor, generation, model_name, req_url_template };
}

/** A field of a query that may be given several times. */
function listOf(value: string | string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}
