import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { InvalidInputError } from '../input/input-errors.js';
import { type CursorShape, pageOf, readCursor, UUID } from '../input/page.dto.js';
import { NO_ID } from './usage-sums.js';
import { FIGURE_COLUMNS } from './usage-table.js';
import {
  DEFAULT_ROWS,
  type Group,
  type UsagePageDto,
  type UsageQueryDto,
  type UsageRowDto,
} from './usage.dto.js';

type Row = { readonly [column: string]: string | number | Date | null };

const COMMON = ['key_id', 'key_name', 'team', 'model', 'currency', ...FIGURE_COLUMNS, 'cost'].join(', ');
const atMidnight = (day: string) => `(${day}::timestamp AT TIME ZONE 'UTC')`;
const DAY = `(hour AT TIME ZONE 'UTC')::date`;
const COLUMN_OF_GROUP: Readonly<Record<Group, string>> = {
  hour: 'hour',
  day: 'day',
  key: 'key_id',
  team: 'team',
  model: 'model',
  worker: 'worker_id',
};

/** Sums usage for a query. Throws DatabaseUnavailableError when there is no database. */
@Injectable()
export class UsageReport {
  private readonly hourly: string;
  private readonly daily: string;
  private readonly key: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.hourly = `"${schema}".usage_hourly`;
    this.daily = `"${schema}".usage_daily`;
    this.key = `"${schema}".api_key`;
  }

  /** @param onlyKeyId of a caller that may read its own usage alone; `null`: all @throws InvalidInputError */
  async page(query: UsageQueryDto, onlyKeyId: string | null, nowMs = Date.now()): Promise<UsagePageDto> {
    const groups = groupsOf(query);
    const limit = Number(query.limit ?? DEFAULT_ROWS);
    const shape: CursorShape = { sort: groups.join(','), key: [/^\d{1,9}$/] };
    const from = Number(readCursor(query.cursor, shape)?.[0] ?? 0);
    const [fromTime, toTime] = rangeOf(query, nowMs);
    const columns = groups.map((group) => (group === 'day' ? 'day::text' : COLUMN_OF_GROUP[group]));
    const named = groups.includes('key') ? `, ${this.nameOfKey()} AS key` : '';
    const by = [...columns, 'currency'].map((_, index) => index + 1).join(', ');
    const rows = await this.database.query<Row>(
      `SELECT ${[...columns, 'currency'].join(', ')}${named}, ${FIGURE_COLUMNS.map((name) => `sum(${name})::float8 AS ${name}`).join(', ')}, sum(cost)::float8 AS cost
       FROM (${this.source(groups)}) AS u
       WHERE ($3::uuid IS NULL OR key_id = $3) AND ($4::text IS NULL OR key_name = $4 OR key_id IN (SELECT id FROM ${this.key} WHERE name = $4))
         AND ($5::uuid IS NULL OR key_id = $5) AND ($6::text IS NULL OR team = $6) AND ($7::text IS NULL OR model = $7)
       GROUP BY ${by} ORDER BY ${by} LIMIT $8 OFFSET $9`,
      [
        fromTime,
        toTime,
        onlyKeyId,
        ...keyOf(query.key),
        query.team ?? null,
        query.model ?? null,
        limit + 1,
        from,
      ],
    );
    return pageOf(
      rows,
      limit,
      shape,
      () => [String(from + limit)],
      (row) => shown(row, groups),
    );
  }

  /**
   * Whole days are read from `usage_daily`, which has few rows; the hours before and after them, and all where hours or workers
   * are of interest, from `usage_hourly`.
   */
  private source(groups: readonly Group[]): string {
    const within = 'hour >= $1::timestamptz AND hour < $2::timestamptz';
    if (groups.includes('hour') || groups.includes('worker'))
      return `SELECT hour, ${DAY} AS day, worker_id, ${COMMON} FROM ${this.hourly} WHERE ${within}`;
    const first = `((($1::timestamptz AT TIME ZONE 'UTC') + interval '1 day' - interval '1 microsecond')::date)`;
    const end = `(($2::timestamptz AT TIME ZONE 'UTC')::date)`;
    return `SELECT day, ${COMMON} FROM ${this.daily} WHERE day >= ${first} AND day < ${end}
      UNION ALL SELECT ${DAY} AS day, ${COMMON} FROM ${this.hourly} WHERE ${within} AND hour < ${atMidnight(first)}
      UNION ALL SELECT ${DAY} AS day, ${COMMON} FROM ${this.hourly} WHERE ${within} AND hour >= greatest(${atMidnight(end)}, ${atMidnight(first)})`;
  }

  /** Its name now; of a key that is gone, the last one. */
  private nameOfKey(): string {
    return `coalesce((SELECT k.name FROM ${this.key} k WHERE k.id = u.key_id), max(key_name))`;
  }
}

/** In one order, each once. */
export function groupsOf({ group_by: list = '' }: UsageQueryDto): readonly Group[] {
  const wanted = new Set(list.split(','));
  return (['hour', 'day', 'key', 'team', 'model', 'worker'] satisfies readonly Group[]).filter((group) =>
    wanted.has(group),
  );
}

/** @throws InvalidInputError */
function rangeOf({ from, to }: UsageQueryDto, nowMs: number): readonly [Date, Date] {
  const now = new Date(nowMs);
  const start =
    from === undefined ? new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())) : timeOf('from', from);
  // What is counted until then: the hour that runs, and a clock that is ahead of this one.
  const end = to === undefined ? tomorrow(nowMs) : timeOf('to', to);
  if (start >= end) throw new InvalidInputError([{ field: 'to', problem: 'must be later than from' }]);
  return [start, end];
}

const DAY_MS = 86_400_000;

/** The first midnight that is more than an hour away. */
function tomorrow(nowMs: number): Date {
  return new Date(Math.ceil((nowMs + DAY_MS / 24) / DAY_MS) * DAY_MS);
}

function timeOf(field: string, text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new InvalidInputError([{ field, problem: 'is not a time that exists' }]);
  return time;
}

/** The name and the id in a query. */
function keyOf(key: string | undefined): readonly [name: string | null, id: string | null] {
  if (key === undefined) return [null, null];
  if (key === 'root') return [null, NO_ID];
  return UUID.test(key) ? [null, key] : [key, null];
}

function shown(row: Row, groups: readonly Group[]): UsageRowDto {
  const of: Partial<Record<keyof UsageRowDto, unknown>> = {};
  for (const group of groups) {
    const value = row[COLUMN_OF_GROUP[group]] ?? null;
    if (group === 'key') {
      of.key = row['key'];
      of.key_id = value === NO_ID ? null : value;
    } else if (group === 'worker') of.worker_id = value === NO_ID ? null : value;
    else of[group] = value === '' ? null : value;
  }
  for (const name of FIGURE_COLUMNS) of[name as keyof UsageRowDto] = row[name];
  return {
    ...of,
    cost: row['cost'],
    currency: row['currency'] === '' ? null : row['currency'],
  } as UsageRowDto;
}
