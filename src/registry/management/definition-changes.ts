import { isJsonObject } from '../../input/dto.js';
import { DEEPEST_JSON, isDeeperThan } from '../../input/json-depth.js';
import type { WorkerDefinition } from '../worker-definition.js';
import type { WorkerEntity } from '../worker.entity.js';

/** Columns whose keys stand in the order they were given in: it is the order they are sent in. */
const IN_ORDER: ReadonlySet<string> = new Set(['body', 'req_param']);

/** Of the new definition, the columns that say something else than the row; none: it is the same worker as before. */
export function changedColumns(row: WorkerEntity, definition: WorkerDefinition): Partial<WorkerDefinition> {
  const before = new Map<string, unknown>(Object.entries(row));
  const changed = Object.entries(definition).filter(
    ([column, value]) => text(before.get(column), column) !== text(value, column),
  );
  return Object.fromEntries(changed);
}

function text(value: unknown, column: string): string {
  // Only a hand can have stored it, and no definition is the same.
  if (isDeeperThan(2 * DEEPEST_JSON, value)) return '';
  return JSON.stringify(IN_ORDER.has(column) ? value : sorted(value));
}

function sorted(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, sorted(each)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
