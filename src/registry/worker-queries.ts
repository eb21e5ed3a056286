import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Caller } from '../access/caller.js';
import { DatabaseSettings } from '../config/settings.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { Database } from '../database/database.js';
import { limitOf, listOf, type Page, pageOf, readCursor, UUID } from '../input/page.dto.js';
import { IS_EJECTED, type ListWorkersQueryDto, sortNamed, STATE } from './list-workers-query.dto.js';
import type { PowerState } from './power/power.js';
import { WorkerNotFoundError } from './registry-errors.js';
import type { WorkerKey } from './worker-fields.js';
import type { WorkerEntity } from './worker.entity.js';

/**
 * Changes with every change of a row. The number of its transaction alone does not: after a crash or a failover that lost
 * the last transactions, PostgreSQL counts on from before them.
 */
export const VERSION = `xmin::text || ' ' || extract(epoch FROM pg_postmaster_start_time())`;

/** SQL: whether the URL is this parameter, by the index `worker_natural_key`, which holds no URL whole. */
export function urlIs(parameter: string): string {
  return `${urlHash('req_url_template')} = ${urlHash(parameter)} AND req_url_template = ${parameter}`;
}

/** As the index has it. */
function urlHash(url: string): string {
  return `sha256(replace(${url}, '\\', '\\\\')::bytea)`;
}

/** A row that may have been read with its row of `worker_power`. */
export type WorkerRow = WorkerEntity & { readonly version: string; readonly power?: PowerRow | null };

/** Times in milliseconds since 1970. */
export interface PowerRow {
  readonly state: PowerState;
  readonly since_ms: number;
  readonly reason: string;
  readonly failures: number;
  readonly next_wake_at_ms: number;
  readonly usual_wake_ms: number | null;
  readonly is_falling_asleep: boolean;
}

/** In this state, only a replica that sends it to sleep holds a lease. */
const IS_FALLING_ASLEEP = `p.state = 'asleep' AND p.lease_owner IS NOT NULL`;
/** Of a worker with its row of `worker_power`: changes with either. A worker without one has the version of its row. */
const LIVE_VERSION = `w.${VERSION} || coalesce(' ' || p.state || ' ' || extract(epoch FROM p.since) || ' ' || p.failures
  || ' ' || coalesce(p.usual_wake_ms, 0) || ' ' || (${IS_FALLING_ASLEEP}), '')`;
const POWER = `CASE WHEN p.worker_id IS NOT NULL THEN json_build_object('state', p.state, 'since_ms', ${millis('p.since')},
  'reason', p.reason, 'failures', p.failures, 'next_wake_at_ms', ${millis('p.next_wake_at')}, 'usual_wake_ms', p.usual_wake_ms,
  'is_falling_asleep', ${IS_FALLING_ASLEEP}) END`;

/** A time that was set by hand may be infinity, which JSON cannot hold. */
function millis(at: string): string {
  return `CASE WHEN isfinite(${at}) THEN round(extract(epoch FROM ${at}) * 1000) ELSE 0 END`;
}

/** A database that does not answer for so long counts as away. */
const LIST_TIMEOUT_MS = 2_000;

/** One read of fewer rows costs a turn of the event loop a few milliseconds at most. */
const MANY = 300;

/** Labels are read by a function that fails on what it cannot decode; a row edited by hand must not hide the others. */
const READABLE_LABELS = String.raw`CASE WHEN json_typeof(labels) = 'object' AND labels::text !~ '\\u(0000|[dD][89a-fA-F])' THEN labels ELSE '{}' END`;

/**
 * Every read of the table `worker`, but for those that are part of a write under lock (WorkerWriter,
 * health's ProbeLeases, heartbeats, replicas) and the count of workers in ModelRepository's list.
 * All throw DatabaseUnavailableError when there is no database.
 */
@Injectable()
export class WorkerQueries {
  private readonly schema: string;
  private readonly table: string;
  private readonly withPower: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.schema = `"${schema}"`;
    this.table = `${this.schema}.worker`;
    this.withPower = `${this.table} w LEFT JOIN ${this.schema}.worker_power p ON p.worker_id = w.id`;
  }

  /** Those of `ids` that are not offline. */
  findLive(ids: readonly string[]): Promise<WorkerRow[]> {
    const statement = `SELECT w.*, ${LIVE_VERSION} AS version, ${POWER} AS power FROM ${this.withPower} WHERE w.id = ANY ($1) AND w.admin_state <> 'offline'`;
    return ids.length > MANY
      ? this.database.queryMany(statement, [ids])
      : this.database.query(statement, [ids]);
  }

  /** Also one that is offline. */
  async findAny(id: string): Promise<WorkerRow | undefined> {
    const rows = await this.database.query<WorkerRow>(
      `SELECT *, ${VERSION} AS version FROM ${this.table} WHERE id = $1`,
      [id],
    );
    return rows[0];
  }

  async liveVersions(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.queryMany<{ id: string; version: string }>(
      `SELECT w.id, ${LIVE_VERSION} AS version FROM ${this.withPower} WHERE w.admin_state <> 'offline'`,
    );
    return new Map(rows.map((row) => [row.id, row.version]));
  }

  async liveIdsOfModel(modelName: string): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM ${this.table} WHERE model_name = $1 AND admin_state <> 'offline'`,
      [modelName],
    );
    return rows.map((row) => row.id);
  }

  /** Those of a model that are not offline and that the caller may change, oldest first. */
  async switchableIds(modelName: string, { role, keyId, team }: Caller): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM ${this.table} WHERE model_name = $1 AND admin_state <> 'offline'
         AND (NOT $2 OR registered_by_key = $3 OR registered_by_team = $4) ORDER BY created_at, id`,
      [modelName, role === 'registrar', keyId, team],
    );
    return rows.map((row) => row.id);
  }

  /** These columns, oldest first, without those that are offline. A database that does not answer within 2 s counts as unavailable. */
  async allLive<Column extends keyof WorkerEntity>(
    columns: readonly Column[],
  ): Promise<Pick<WorkerEntity, Column>[]> {
    const answered = new AbortController();
    const rows = this.database.queryMany<Pick<WorkerEntity, Column>>(
      `SELECT ${columns.join(', ')} FROM ${this.table} WHERE admin_state <> 'offline' ORDER BY created_at, id`,
    );
    try {
      return await Promise.race([rows, timeout(answered.signal)]);
    } finally {
      answered.abort();
    }
  }

  /** @throws WorkerNotFoundError */
  async get(id: string): Promise<WorkerEntity> {
    const rows = UUID.test(id)
      ? await this.database.query<WorkerEntity>(`SELECT * FROM ${this.table} WHERE id = $1`, [id])
      : [];
    if (rows[0] === undefined) throw new WorkerNotFoundError();
    return rows[0];
  }

  async withKey(key: WorkerKey): Promise<WorkerEntity | undefined> {
    const rows = await this.database.query<WorkerEntity>(
      `SELECT * FROM ${this.table} WHERE model_name = $1 AND ${urlIs('$2')} AND name = $3`,
      [key.model_name, key.req_url_template, key.name],
    );
    return rows[0];
  }

  /**
   * A page of workers in any state. It begins behind a key, not at an offset, so rows that come and go shift no page.
   * @throws InvalidInputError for a cursor of another list
   */
  async page(query: ListWorkersQueryDto, { role, keyId, team }: Caller): Promise<Page<WorkerEntity>> {
    const sort = sortNamed(query.sort);
    const { expression, type, column, descending } = sort;
    // By the column, so that the index serves it: no row behind the page is read.
    const by = column ?? expression;
    const key = column === null ? `$6::${type}` : timeOf('$6');
    const order = descending ? 'DESC' : 'ASC';
    const limit = limitOf(query);
    const after = readCursor(query.cursor, sort);
    const rows = await this.database.query<WorkerEntity & { readonly sort_key: string }>(
      `WITH ejected AS MATERIALIZED (
         SELECT t.worker_id, t.generation FROM ${this.schema}.worker_trouble t JOIN ${this.schema}.live_replica r ON r.id = t.replica_id
         WHERE t.state = 'ejected' AND t.until > now())
       SELECT *, (${expression})::text AS sort_key FROM ${this.table}
       WHERE ($1::text IS NULL OR model_name = $1) AND ($2::text IS NULL OR owner = $2)
         AND (cardinality($3::text[]) = 0 OR health = ANY ($3)) AND (cardinality($4::text[]) = 0 OR admin_state = ANY ($4))
         AND (cardinality($5::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest($5::text[]) AS wanted WHERE NOT EXISTS (
           SELECT FROM json_each_text(${READABLE_LABELS}) AS l WHERE wanted IN (l.key, l.key || ':' || l.value))))
         AND ($6::text IS NULL OR (${by}, id) ${descending ? '<' : '>'} (${key}, $7::uuid))
         AND (cardinality($12::text[]) = 0 OR ${STATE} = ANY ($12)) AND ($13::boolean IS NULL OR ${IS_EJECTED} = $13)
         AND ($14::text IS NULL OR starts_with(id::text, lower($14))
           OR strpos(lower(concat_ws(' ', model_name, name, owner, split_part(req_url_template, '?', 1))), lower($14)) > 0)
         AND (NOT $9 OR registered_by_key = $10 OR registered_by_team = $11)
       ORDER BY ${by} ${order}, id ${order} LIMIT $8`,
      [
        query.model_name ?? null,
        query.owner ?? null,
        listOf(query.health),
        listOf(query.admin_state),
        listOf(query.label),
        after?.[0] ?? null,
        after?.[1] ?? null,
        limit + 1,
        // As maySee() decides.
        role === 'registrar',
        keyId,
        team,
        listOf(query.state),
        query.ejected ?? null,
        query.q ?? null,
      ],
    );
    return pageOf(
      rows,
      limit,
      sort,
      ({ sort_key, id }) => [sort_key, id],
      (row) => row,
    );
  }
}

/** SQL: the time of a cursor, in seconds to the microsecond; beyond what PostgreSQL can hold, infinity. */
function timeOf(parameter: string): string {
  const seconds = `${parameter}::numeric`;
  return `CASE WHEN ${seconds} > 9e12 THEN 'infinity' WHEN ${seconds} < -2e11 THEN '-infinity'
    ELSE 'epoch'::timestamptz + ${seconds} * interval '1 s' END`;
}

async function timeout(answered: AbortSignal): Promise<never> {
  await sleep(LIST_TIMEOUT_MS, undefined, { signal: answered, ref: false }).catch(() => {});
  throw new DatabaseUnavailableError(new Error(`no answer within ${LIST_TIMEOUT_MS} ms`));
}
