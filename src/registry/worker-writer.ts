import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager, QueryDeepPartialEntity } from 'typeorm';
import type { Registered } from '../access/worker-rights.js';
import { DatabaseSettings } from '../config/settings.js';
import { type Actor, Database } from '../database/database.js';
import { UUID } from '../input/page.dto.js';
import { WorkerExistsError } from './registry-errors.js';
import type { WorkerDefinition, WorkerKey } from './worker-fields.js';
import { urlIs, VERSION, WorkerQueries, type WorkerRow } from './worker-queries.js';
import { WorkerEntity } from './worker.entity.js';

export type NewColumns = WorkerDefinition & Pick<WorkerEntity, 'sealed_header'> & Partial<Registered>;

/** What a decision about a row writes; without columns nothing is written. */
export interface RowChange {
  readonly columns: Partial<NewColumns & Pick<WorkerEntity, 'admin_state'>>;
  /** `admin_state_since` becomes now, upon which every replica clears the worker's ejection. */
  readonly clearEjection?: boolean;
  /** Why admin_state changes, for the history. */
  readonly note?: string | undefined;
}

/**
 * Every write to the table `worker`, except two that belong to their locks: the health of probed workers (health's
 * ProbeLeases) and workers that end draining or miss their heartbeats (replicas' ReplicaTable).
 * All throw DatabaseUnavailableError when there is no database.
 */
@Injectable()
export class WorkerWriter {
  private readonly schema: string;
  private readonly table: string;

  constructor(
    private readonly database: Database,
    private readonly queries: WorkerQueries,
    { schema }: DatabaseSettings,
  ) {
    this.schema = `"${schema}"`;
    this.table = `${this.schema}.worker`;
  }

  /**
   * Makes the worker with this key, or locks the one there is and writes what `decide` says. Of several calls at once, one
   * makes the row. @throws what `decide` throws
   */
  put(
    key: WorkerKey,
    actor: Actor,
    make: (id: string) => NewColumns,
    decide: (row: WorkerEntity) => RowChange,
  ): Promise<{ readonly isNew: boolean; readonly row: WorkerRow }> {
    return this.database.transaction(actor, async (manager) => {
      for (;;) {
        const existing = await this.lock(manager, `model_name = $1 AND ${urlIs('$2')} AND name = $3`, [
          key.model_name,
          key.req_url_template,
          key.name,
        ]);
        if (existing !== undefined)
          return { isNew: false, row: await write(manager, existing, decide(existing)) };
        const made = await insert(manager, make);
        if (made !== undefined) return { isNew: true, row: made };
        // Another transaction made it in between: lock that one.
      }
    });
  }

  /**
   * Locks the row and writes what `decide` says. @returns the row afterwards; `undefined`: there is none
   * @throws what `decide` throws, WorkerExistsError if the new key belongs to another worker
   */
  async change(
    id: string,
    actor: Actor,
    decide: (row: WorkerEntity) => RowChange,
  ): Promise<WorkerRow | undefined> {
    if (!UUID.test(id)) return undefined;
    let wanted: WorkerKey | undefined;
    try {
      return await this.database.transaction(actor, async (manager) => {
        const row = await this.lock(manager, 'id = $1', [id]);
        if (row === undefined) return undefined;
        const decided = decide(row);
        wanted = { ...keyOf(row), ...decided.columns };
        return write(manager, row, decided);
      });
    } catch (error) {
      if (wanted === undefined || !isKeyTaken(error)) throw error;
      const other = await this.queries.withKey(keyOf(wanted));
      // The other worker may have been deleted in the meantime.
      if (other === undefined) return this.change(id, actor, decide);
      throw new WorkerExistsError(wanted, other);
    }
  }

  /**
   * All workers of that model at that URL, or the one with that name. A disabled worker stays disabled, which stops new
   * requests as well: offline, the next start of its pod would undo an operator's switch.
   * @returns their ids @throws what `check` throws
   */
  takeOffline(
    key: { readonly modelName: string; readonly url: string; readonly name: string | undefined },
    actor: Actor,
    check: (row: WorkerEntity) => void,
  ): Promise<readonly string[]> {
    return this.database.transaction(actor, async (manager) => {
      const rows: WorkerEntity[] = await manager.query(
        `SELECT * FROM ${this.table} WHERE model_name = $1 AND ${urlIs('$2')} AND ($3::text IS NULL OR name = $3)
           AND admin_state <> 'offline' ORDER BY id FOR UPDATE`,
        [key.modelName, key.url, key.name ?? null],
      );
      for (const row of rows) check(row);
      const result = await manager
        .createQueryBuilder()
        .update(WorkerEntity)
        .set({
          admin_state: () => `CASE admin_state WHEN 'disabled' THEN 'disabled' ELSE 'offline' END`,
        })
        .where(`model_name = :modelName AND ${urlIs(':url')}`, key)
        .andWhere(key.name === undefined ? 'true' : 'name = :name', key)
        .andWhere(`admin_state <> 'offline'`)
        .returning('id')
        .execute();
      return (result.raw as { id: string }[]).map((row) => row.id);
    });
  }

  /** @returns whether there was such a worker @throws what `check` throws */
  async delete(id: string, actor: Actor, check: (row: WorkerEntity) => void): Promise<boolean> {
    if (!UUID.test(id)) return false;
    return this.database.transaction(actor, async (manager) => {
      const row = await this.lock(manager, 'id = $1', [id]);
      if (row === undefined) return false;
      check(row);
      await manager.delete(WorkerEntity, { id });
      return true;
    });
  }

  /** Deletes workers that went offline long ago, and old events. */
  async purge(offlineDays: number, eventDays: number): Promise<void> {
    await this.inSlices(
      `WITH gone AS (DELETE FROM ${this.table} WHERE id IN (SELECT id FROM ${this.table}
         WHERE admin_state = 'offline' AND admin_state_since < now() - make_interval(days => $1) LIMIT $2) RETURNING id)
       SELECT count(*)::integer AS purged FROM gone`,
      offlineDays,
    );
    await this.inSlices(`SELECT ${this.schema}.purge_events($1, $2) AS purged`, eventDays);
  }

  /** Each slice is a transaction of its own: one that takes longer than the pool waits would be rolled back, each hour anew. */
  private async inSlices(statement: string, days: number): Promise<void> {
    for (;;) {
      const purged = await this.database.transaction('retention', async (manager) => {
        const rows: { purged: number }[] = await manager.query(statement, [days, PURGE_SLICE]);
        return rows[0]?.purged ?? 0;
      });
      if (purged < PURGE_SLICE) return;
    }
  }

  private async lock(
    manager: EntityManager,
    where: string,
    values: unknown[],
  ): Promise<WorkerRow | undefined> {
    const rows: WorkerRow[] = await manager.query(
      `SELECT *, ${VERSION} AS version FROM ${this.table} WHERE ${where} FOR UPDATE`,
      values,
    );
    return rows[0];
  }
}

/** A slice of 10,000 events takes about 15 ms. */
const PURGE_SLICE = 10_000;

const ROW_AND_VERSION = `*, ${VERSION} AS version`;

async function write(
  manager: EntityManager,
  row: WorkerRow,
  { columns, clearEjection = false, note }: RowChange,
): Promise<WorkerRow> {
  if (Object.keys(columns).length === 0 && !clearEjection) return row;
  if (note !== undefined) await manager.query(`SELECT set_config('mmm.note', $1, true)`, [note]);
  const since = clearEjection ? { admin_state_since: () => 'now()' } : {};
  const result = await manager
    .createQueryBuilder()
    .update(WorkerEntity)
    .set({ ...forTypeOrm(columns), ...since })
    .where({ id: row.id })
    .returning(ROW_AND_VERSION)
    .execute();
  return (result.raw as WorkerRow[])[0] ?? row;
}

async function insert(
  manager: EntityManager,
  make: (id: string) => NewColumns,
): Promise<WorkerRow | undefined> {
  const id = randomUUID();
  const result = await manager
    .createQueryBuilder()
    .insert()
    .into(WorkerEntity)
    .values({ ...forTypeOrm(make(id)), id })
    .orIgnore()
    .returning(ROW_AND_VERSION)
    .execute();
  return (result.raw as WorkerRow[])[0];
}

/** TypeORM's type for what may be written cannot follow JSON of any shape. */
function forTypeOrm(columns: RowChange['columns']): QueryDeepPartialEntity<WorkerEntity> {
  return columns as QueryDeepPartialEntity<WorkerEntity>;
}

function keyOf({ model_name, req_url_template, name }: WorkerKey): WorkerKey {
  return { model_name, req_url_template, name };
}

/** A violated unique constraint (23505): of `worker`, only its key can be. */
function isKeyTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}
