import { ANY_TEXT, type CursorShape, UUID } from '../../input/page.js';

/** An order of the table, as SQL; `id` decides between equals. */
export interface WorkerSort extends CursorShape {
  readonly expression: string;
  readonly type: 'numeric' | 'text';
  readonly descending: boolean;
}

/** Seconds to the microsecond, as PostgreSQL keeps them; a time set by hand may be infinity. */
const NUMBER = /^(-?\d{1,18}(\.\d{1,6})?|-?Infinity)$/;

const time = (column: string) => ({ expression: `extract(epoch FROM ${column})`, type: 'numeric' }) as const;
/** In the order of the letters' codes, which no locale of a server changes. */
const text = (column: string) => ({ expression: `${column} COLLATE "C"`, type: 'text' }) as const;
const number = (column: string) => ({ expression: `${column}::numeric`, type: 'numeric' }) as const;

const COLUMNS = {
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  health_since: time('health_since'),
  model_name: text('model_name'),
  owner: text('owner'),
  health: text('health'),
  admin_state: text('admin_state'),
  weight: number('weight'),
  priority: number('priority'),
} as const;

type Column = keyof typeof COLUMNS;
export type SortName = Column | `-${Column}`;

/** `created_at`, or `-created_at` for the other way round, and so on. */
export const SORT_NAMES = (Object.keys(COLUMNS) as Column[]).flatMap((name): SortName[] => [
  name,
  `-${name}`,
]);
export const DEFAULT_SORT: SortName = 'created_at';

export function sortNamed(sort: SortName = DEFAULT_SORT): WorkerSort {
  const { expression, type } = COLUMNS[sort.replace('-', '') as Column];
  const key = [type === 'numeric' ? NUMBER : ANY_TEXT, UUID];
  return { sort, expression, type, descending: sort.startsWith('-'), key };
}
