import { Injectable } from '@nestjs/common';
import { DEEPEST_JSON, isDeeperThan } from '../input/json.js';
import { type Activity, WorkerActivity } from './live/worker-activity.js';
import { LiveWorkers } from './live/live-workers.js';
import type { Power } from './power/power.js';
import { SealedHeaders, shownHeaders } from './sealed-headers.js';
import { splitSteps } from './sealed-steps.js';
import type { PowerDto } from './power/power.dto.js';
import type { WorkerDto, WorkerOverviewDto, WorkerSummaryDto } from './worker-answers.dto.js';
import { columnNames, columnsOf, taskOf, TIMEOUT_COLUMNS, type View } from './worker-fields.js';
import type { WorkerEntity } from './worker.entity.js';

/** A DTO's fields without its class. */
type Plain<Dto> = { [Name in keyof Dto]: Dto[Name] };

/** What of a row may be shown to everyone. It is kept in memory for the time when there is no database. */
export type OverviewRow = Pick<WorkerEntity, (keyof WorkerEntity & keyof WorkerOverviewDto) | 'any_task'>;

/** The columns of a worker in the native list, without and with its details. */
export const NAME_COLUMNS = [
  'model_name',
  'req_url_template',
  'registered_by_key',
  'registered_by_team',
] as const satisfies readonly (keyof OverviewRow)[];
export const OVERVIEW_COLUMNS = [...columnNames('overview'), 'any_task'] as readonly (keyof OverviewRow)[];

export function overviewRowOf(row: OverviewRow): OverviewRow {
  return { ...columnsOf(row, 'overview'), any_task: row.any_task } as OverviewRow;
}

/** A worker of the native list: its columns without a secret, and what this replica knows about it. */
export function overviewOf(
  row: OverviewRow,
  { inFlight, ejectedUntil, trouble }: Activity,
  power: Power | null,
): Plain<WorkerOverviewDto> {
  return {
    ...(presentable(row, 'overview') as OverviewColumns),
    task: taskOf(row),
    in_flight: inFlight,
    ejected_until: ejectedUntil,
    requests: trouble?.state ?? 'ok',
    last_error: trouble?.lastError ?? null,
    power: power === null ? null : shownPower(power),
  };
}

function shownPower({ state, sinceMs, reason, failures, nextWakeAtMs, usualWakeMs }: Power): PowerDto {
  return {
    state,
    since: new Date(sinceMs),
    reason,
    failures,
    next_wake_at: new Date(nextWakeAtMs),
    usual_wake_ms: usualWakeMs,
  };
}

type OverviewColumns = Omit<
  WorkerOverviewDto,
  'in_flight' | 'ejected_until' | 'requests' | 'last_error' | 'power'
>;
type SummaryColumns = Omit<WorkerSummaryDto, keyof WorkerOverviewDto>;
type DetailColumns = Omit<WorkerDto, keyof WorkerSummaryDto | 'header' | 'timeouts'>;

/** A worker as the management API shows it. */
@Injectable()
export class WorkerViews {
  constructor(
    private readonly headers: SealedHeaders,
    private readonly activity: WorkerActivity,
    private readonly live: LiveWorkers,
  ) {}

  /** In a list: its state, without how it is called. */
  summary(row: WorkerEntity): Plain<WorkerSummaryDto> {
    return {
      ...overviewOf(row, this.activity.of(row.id), this.live.worker(row.id)?.power ?? null),
      ...(presentable(row, 'summary') as SummaryColumns),
    };
  }

  /** Alone: its state and its definition. */
  detail(row: WorkerEntity): Plain<WorkerDto> {
    return {
      ...this.summary(row),
      ...(presentable(row, 'detail') as DetailColumns),
      header: shownHeaders(this.headers.read(row)),
      // A row edited by hand may hold a credential here.
      ...splitSteps({
        poll: isDeeperThan(DEEPEST_JSON, row.poll) ? null : row.poll,
        wake: isDeeperThan(DEEPEST_JSON, row.wake) ? null : row.wake,
        sleep: isDeeperThan(DEEPEST_JSON, row.sleep) ? null : row.sleep,
      }).shown,
      timeouts: Object.fromEntries(
        TIMEOUT_COLUMNS.map((column) => [column, row[column]]),
      ) as unknown as WorkerDto['timeouts'],
    };
  }
}

/** A column that was edited by hand may nest too deep to be written: it is shown as null, and the rest of the answer stays. */
function presentable(row: Partial<WorkerEntity>, view: View): object {
  const columns = Object.entries(columnsOf(row, view));
  return Object.fromEntries(
    columns.map(([column, value]) => [column, isDeeperThan(DEEPEST_JSON, value) ? null : value]),
  );
}
