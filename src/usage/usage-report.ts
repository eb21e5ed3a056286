import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { existingTime } from '../input/dto-rules.js';
import { InvalidInputError } from '../input/input-errors.js';
import { ANY_TEXT, type CursorShape, pageOf, readCursor, UUID } from '../input/page.dto.js';
import { NO_ID } from './usage-sums.js';
import { FIGURE_COLUMNS } from './usage-table.js';
import {
  DEFAULT_ROWS,
  type Group,
  type UsagePageDto,
  type UsageQueryDto,
  type UsageRowDto,
} from './usage.dto.js';

const DAY_MS = 86_400_000;

/** From the first time until before the second. */
type Range = readonly [from: Date, to: Date];
type Row = { readonly [column: string]: string | number | Date | null };

const COMMON = ['key_id', 'key_name', 'team', 'model', 'currency', ...FIGURE_COLUMNS, 'cost'].join(', ');
const atMidnight = (day: string) => `(${day}::timestamp AT TIME ZONE 'UTC')`;
/** The first whole day, and the one after the last. */
const FIRST_DAY = `(($1::timestamptz AT TIME ZONE 'UTC') + interval '1 day' - interval '1 microsecond')::date`;
const END_DAY = `($2::timestamptz AT TIME ZONE 'UTC')::date`;
const DAY = `(hour AT TIME ZONE 'UTC')::date`;

/** A column that rows are grouped and sorted by. None is ever null. */
interface SortColumn {
  readonly name: string;
  readonly type: string;
  /** What of it a cursor may hold. */
  readonly pattern: RegExp;
}

const ID = { type: 'uuid', pattern: UUID };
const TEXT = { type: 'text', pattern: ANY_TEXT };
const COLUMN_OF_GROUP: Readonly<Record<Group, SortColumn>> = {
  hour: { name: 'hour', type: 'timestamptz', pattern: /^\d{4}-\d\d-\d\dT\d\d:00:00\.000Z$/ },
  day: { name: 'day', type: 'date', pattern: /^\d{4}-\d\d-\d\d$/ },
  key: { name: 'key_id', ...ID },
  team: { name: 'team', ...TEXT },
  model: { name: 'model', ...TEXT },
  worker: { name: 'worker_id', ...ID },
};
const GROUP_ORDER: readonly Group[] = ['hour', 'day', 'key', 'team', 'model', 'worker'];
/** How rows without keys are sorted. */
const WORKERS_FIRST: readonly Group[] = ['hour', 'day', 'worker', 'team', 'model'];
const CURRENCY: SortColumn = { name: 'currency', type: 'text', pattern: /^[A-Z]{0,3}$/ };

/** Sums usage for a query. Throws DatabaseUnavailableError when there is no database. */
@Injectable()
export class UsageReport {
  private readonly hourly: string;
  private readonly byHour: string;
  private readonly byWorker: string;
  private readonly daily: string;
  private readonly key: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.hourly = `"${schema}".usage_hourly`;
    this.byHour = `"${schema}".usage_by_hour`;
    this.byWorker = `"${schema}".usage_by_worker`;
    this.daily = `"${schema}".usage_daily`;
    this.key = `"${schema}".api_key`;
  }

  /** @param onlyKeyId of a caller that may read its own usage alone; `null`: all @throws InvalidInputError */
  async page(query: UsageQueryDto, onlyKeyId: string | null, nowMs = Date.now()): Promise<UsagePageDto> {
    const groups = groupsOf(query);
    const limit = Number(query.limit ?? DEFAULT_ROWS);
    const sorted = sortedBy(groups);
    const shape: CursorShape = {
      sort: sorted.map(({ name }) => name).join(','),
      key: sorted.map(({ pattern }) => pattern),
    };
    const after = readCursor(query.cursor, shape);
    const range = rangeOf(query, nowMs);
    const byKey = groups.includes('key');
    const shownColumns = sorted.map(({ name, type }) => (type === 'date' ? `u.${name}::text` : `u.${name}`));
    const by = sorted.map(({ name }) => `u.${name}`).join(', ');
    const next = after === null ? '' : `AND ${behind(sorted, 9)}`;
    // Sums as float8, exact up to 2^53: those of bigint and numeric need so much memory for each group that they go to disk.
    // A cost as numeric has 15 digits, and so no noise of float8.
    const page = `SELECT ${shownColumns.join(', ')}, ${byKey ? 'max(key_name) AS last_name, ' : ''}${FIGURE_COLUMNS.map((name) => `sum(${name}::float8) AS ${name}`).join(', ')}, sum(cost::float8)::numeric::float8 AS cost
       FROM (${this.source(groups, range)}) AS u
       WHERE ($3::uuid IS NULL OR key_id = $3) AND ($4::text IS NULL OR key_name = $4 OR key_id IN (SELECT id FROM ${this.key} WHERE name = $4))
         AND ($5::uuid IS NULL OR key_id = $5) AND ($6::text IS NULL OR team = $6) AND ($7::text IS NULL OR model = $7) ${next}
       GROUP BY ${by} ORDER BY ${by} LIMIT $8`;
    const rows = await this.database.query<Row>(byKey ? this.withNames(page) : page, [
      ...range,
      onlyKeyId,
      ...keyOf(query.key),
      query.team ?? null,
      query.model ?? null,
      limit + 1,
      ...(after ?? []),
    ]);
    return pageOf(
      rows,
      limit,
      shape,
      (row) => sorted.map(({ name }) => textOf(row[name])),
      (row) => shown(row, groups),
    );
  }

  /**
   * The smallest table that has what is grouped by. Of days, the hours before and after the whole ones are read by hour. A table alone
   * is read in the order of an index, and so only as far as the page reaches.
   */
  private source(groups: readonly Group[], [from, to]: Range): string {
    const hasWorkers = groups.includes('worker');
    const hourly = hasWorkers ? this.hourly : this.byHour;
    const columns = hasWorkers ? `worker_id, ${COMMON}` : COMMON;
    const within = 'hour >= $1::timestamptz AND hour < $2::timestamptz';
    const [first, end] = [Math.ceil(from.getTime() / DAY_MS), Math.floor(to.getTime() / DAY_MS)];
    if (groups.includes('hour') || first >= end)
      return `SELECT hour, ${DAY} AS day, ${columns} FROM ${hourly} WHERE ${within}`;
    // Of one day, which PostgreSQL sees in the equation alone, the index of the table has the rows in the order of workers.
    const oneDay = first + 1 === end ? ` AND day = ${FIRST_DAY}` : '';
    const days = `day >= ${FIRST_DAY} AND day < ${END_DAY}${oneDay}`;
    const parts = [`SELECT day, ${columns} FROM ${hasWorkers ? this.byWorker : this.daily} WHERE ${days}`];
    const hours = `SELECT ${DAY} AS day, ${columns} FROM ${hourly} WHERE ${within}`;
    if (from.getTime() < first * DAY_MS) parts.push(`${hours} AND hour < ${atMidnight(FIRST_DAY)}`);
    if (to.getTime() > end * DAY_MS) parts.push(`${hours} AND hour >= ${atMidnight(END_DAY)}`);
    return parts.join(' UNION ALL ');
  }

  /** The names of keys now; of a key that is gone, the last one. Read for the rows of the page alone. */
  private withNames(page: string): string {
    return `SELECT page.*, coalesce((SELECT k.name FROM ${this.key} k WHERE k.id = page.key_id), last_name) AS key FROM (${page}) AS page`;
  }
}

/**
 * SQL: the row comes after the cursor, whose values are the parameters from `first` on. PostgreSQL guesses how many rows that are by the first
 * column alone: of a single day it would take them for none, and read all.
 */
function behind(sorted: readonly SortColumn[], first: number): string {
  const [column, ...others] = sorted.map(({ name }) => `u.${name}`);
  const [value, ...otherValues] = sorted.map(({ type }, index) => `$${first + index}::${type}`);
  return sorted[0]?.name === 'day'
    ? `${column} >= ${value} AND (${column} > ${value} OR (${others.join(', ')}) > (${otherValues.join(', ')}))`
    : `(${[column, ...others].join(', ')}) > (${[value, ...otherValues].join(', ')})`;
}

function textOf(value: Row[string] | undefined): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

/** In one order, each once. */
export function groupsOf({ group_by: list = '' }: UsageQueryDto): readonly Group[] {
  const wanted = new Set(list.split(','));
  return GROUP_ORDER.filter((group) => wanted.has(group));
}

/** In the order of an index, as far as there is one: then a page is read no further than it reaches. */
function sortedBy(groups: readonly Group[]): readonly SortColumn[] {
  const order = groups.includes('key') ? groups : WORKERS_FIRST.filter((group) => groups.includes(group));
  return [...order.map((group) => COLUMN_OF_GROUP[group]), CURRENCY];
}

/** @throws InvalidInputError */
function rangeOf({ from, to }: UsageQueryDto, nowMs: number): Range {
  const now = new Date(nowMs);
  const start =
    from === undefined
      ? new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()))
      : existingTime('from', from);
  // What is counted until then: the hour that runs, and a clock that is ahead of this one.
  const end = to === undefined ? tomorrow(nowMs) : existingTime('to', to);
  if (start >= end) throw new InvalidInputError([{ field: 'to', problem: 'must be later than from' }]);
  return [start, end];
}

/** The first midnight that is more than an hour away. */
function tomorrow(nowMs: number): Date {
  return new Date(Math.ceil((nowMs + DAY_MS / 24) / DAY_MS) * DAY_MS);
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
    const value = row[COLUMN_OF_GROUP[group].name] ?? null;
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
