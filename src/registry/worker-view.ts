import { DEEPEST_JSON, isDeeperThan } from '../input/json.js';
import type { Activity } from './live/worker-activity.js';
import { taskOf } from './worker-fields.js';
import type { WorkerEntity } from './worker.entity.js';

/** What of a row may be shown to everyone, and is kept in memory for the time when there is no database. */
const SHOWN = [
  'id',
  'model_name',
  'name',
  'req_url_template',
  'owner',
  'protocol',
  'task',
  'any_task',
  'admin_state',
  'health',
  'health_reason',
  'health_since',
  'weight',
  'priority',
  'max_concurrency',
  'generation',
  'labels',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof WorkerEntity)[];

export type ShownWorker = Pick<WorkerEntity, (typeof SHOWN)[number]>;

export function shownOf(row: ShownWorker): ShownWorker {
  return Object.fromEntries(SHOWN.map((column) => [column, row[column]])) as unknown as ShownWorker;
}

/** A worker as the API shows it: no secret, and what this replica knows of it besides. */
export function workerView(row: ShownWorker, activity: Activity) {
  return {
    id: row.id,
    model_name: row.model_name,
    name: row.name,
    req_url_template: row.req_url_template,
    owner: row.owner,
    protocol: row.protocol,
    task: taskOf(row),
    admin_state: row.admin_state,
    health: row.health,
    health_reason: row.health_reason,
    health_since: row.health_since,
    weight: row.weight,
    priority: row.priority,
    max_concurrency: row.max_concurrency,
    /** Requests of this replica. */
    in_flight: activity.inFlight,
    /** Until when this replica passes it over, if it does. */
    ejected_until: activity.ejectedUntil,
    generation: row.generation,
    labels: presentable(row.labels),
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** JSON of a column that may have been edited by hand: what nests too deep to be written stays away, not the whole answer. */
export function presentable<Value>(value: Value): Value | null {
  return isDeeperThan(DEEPEST_JSON, value) ? null : value;
}
