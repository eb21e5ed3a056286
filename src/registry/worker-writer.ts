import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager, QueryDeepPartialEntity } from 'typeorm';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import type { WorkerRow } from './calls/worker-compiler.js';
import type { WorkerDefinition } from './worker-definition.js';
import { WorkerEntity } from './worker.entity.js';
import { UUID } from '../input/page.js';
import { WorkerExistsError } from './registry-errors.js';

/** What a registration writes; the sealed headers depend on the id, which an offline worker brings back. */
export interface Registration {
  readonly definition: WorkerDefinition;
  readonly seal: (workerId: string) => string | null;
}

type Standing = Pick<WorkerEntity, 'id' | 'admin_state' | 'admin_state_since' | 'admin_state_by'>;

export type RegistrationOutcome =
  | { readonly kind: 'registered'; readonly row: WorkerEntity }
  | { readonly kind: 'exists'; readonly worker: Standing };

/**
 * Changes with every change of a row. Its transaction's number alone would not: after a crash or a failover that lost the
 * last transactions, PostgreSQL counts on from before them.
 */
const VERSION = `xmin::text || ' ' || extract(epoch FROM pg_postmaster_start_time())`;

/** Every query on the table `worker`. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class WorkerWriter {
  private readonly table: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".worker`;
  }

  /** By id, those that are not offline; `version` tells whether a row changed since. */
  findLive(ids: readonly string[]): Promise<WorkerRow[]> {
    return this.database.query(
      `SELECT *, ${VERSION} AS version FROM ${this.table} WHERE id = ANY ($1) AND admin_state <> 'offline'`,
      [ids],
    );
  }

  async liveVersions(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.query<{ id: string; version: string }>(
      `SELECT id, ${VERSION} AS version FROM ${this.table} WHERE admin_state <> 'offline'`,
    );
    return new Map(rows.map((row) => [row.id, row.version]));
  }

  async idsOfModel(modelName: string): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM ${this.table} WHERE model_name = $1 AND admin_state <> 'offline'`,
      [modelName],
    );
    return rows.map((row) => row.id);
  }

  /** Oldest first, offline ones left out. */
  list(): Promise<WorkerEntity[]> {
    return this.database.query(
      `SELECT * FROM ${this.table} WHERE admin_state <> 'offline' ORDER BY created_at, id`,
    );
  }

  /** Inserts, or brings an offline worker back; anything else that stands there is left as it is and told. */
  register(registration: Registration, actor: string): Promise<RegistrationOutcome> {
    return this.database.transaction(actor, async (manager) => {
      for (;;) {
        const standing = await this.standing(manager, registration.definition);
        if (standing === undefined) {
          const row = await this.insert(manager, registration);
          if (row !== undefined) return { kind: 'registered', row };
          // Somebody else inserted it in between: look again.
        } else if (standing.admin_state === 'offline') {
          const row = await this.bringBack(manager, standing.id, registration);
          if (row !== undefined) return { kind: 'registered', row };
        } else {
          return { kind: 'exists', worker: standing };
        }
      }
    });
  }

  /**
   * All workers of that model at that URL, or the one of that name. A disabled one stays disabled, which stops new requests
   * as well: were it offline, the next start of its pod would undo an operator's OFF.
   * @returns their ids
   */
  takeOffline(
    key: { readonly modelName: string; readonly url: string; readonly name: string | undefined },
    actor: string,
  ): Promise<readonly string[]> {
    return this.database.transaction(actor, async (manager) => {
      const result = await manager
        .createQueryBuilder()
        .update(WorkerEntity)
        .set({
          admin_state: () => `CASE admin_state WHEN 'disabled' THEN 'disabled' ELSE 'offline' END`,
        })
        .where(
          `model_name = :modelName AND md5(req_url_template) = md5(:url) AND req_url_template = :url`,
          key,
        )
        .andWhere(key.name === undefined ? 'true' : 'name = :name', key)
        .andWhere(`admin_state <> 'offline'`)
        .returning('id')
        .execute();
      return (result.raw as { id: string }[]).map((row) => row.id);
    });
  }

  /** Forgets workers that went offline long ago, and history older than it is kept. */
  async purge(offlineDays: number, eventDays: number): Promise<void> {
    await this.database.transaction('retention', async (manager) => {
      await manager.query(
        `DELETE FROM ${this.table} WHERE admin_state = 'offline' AND admin_state_since < now() - make_interval(days => $1)`,
        [offlineDays],
      );
      await manager.query(`DELETE FROM ${this.table}_event WHERE at < now() - make_interval(days => $1)`, [
        eventDays,
      ]);
    });
  }

  private async standing(manager: EntityManager, key: WorkerDefinition): Promise<Standing | undefined> {
    const rows: Standing[] = await manager.query(
      `SELECT id, admin_state, admin_state_since, admin_state_by FROM ${this.table}
       WHERE model_name = $1 AND md5(req_url_template) = md5($2) AND req_url_template = $2 AND name = $3 FOR UPDATE`,
      [key.model_name, key.req_url_template, key.name],
    );
    return rows[0];
  }

  private async insert(
    manager: EntityManager,
    { definition, seal }: Registration,
  ): Promise<WorkerEntity | undefined> {
    const id = randomUUID();
    const result = await manager
      .createQueryBuilder()
      .insert()
      .into(WorkerEntity)
      .values({ ...columnsOf(definition), id, sealed_header: seal(id) })
      .orIgnore()
      .returning('*')
      .execute();
    return (result.raw as WorkerEntity[])[0];
  }

  private async bringBack(
    manager: EntityManager,
    id: string,
    { definition, seal }: Registration,
  ): Promise<WorkerEntity | undefined> {
    const result = await manager
      .createQueryBuilder()
      .update(WorkerEntity)
      .set({ ...columnsOf(definition), sealed_header: seal(id), admin_state: 'enabled' })
      .where({ id })
      .returning('*')
      .execute();
    return (result.raw as WorkerEntity[])[0];
  }
}

/** TypeORM's type for what may be written cannot follow JSON of any shape. */
function columnsOf(definition: WorkerDefinition): QueryDeepPartialEntity<WorkerEntity> {
  return definition as QueryDeepPartialEntity<WorkerEntity>;
}

type Key = Pick<WorkerDefinition, 'model_name' | 'req_url_template' | 'name'>;
export type NewColumns = WorkerDefinition & Pick<WorkerEntity, 'sealed_header'>;

/** What a decision about a row writes; nothing, where nothing changes. */
export interface RowChange {
  readonly columns: Partial<NewColumns & Pick<WorkerEntity, 'admin_state'>>;
  /** Replicas forget what they hold against it: `admin_state_since` becomes now. */
  readonly clearEjection?: boolean;
}

/** Locks a row, has it decided, writes what was decided. All throw what the decision throws, and DatabaseUnavailableError. */
@Injectable()
export class WorkerEdits {
  private readonly table: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".worker`;
  }

  /** @returns the row after it; `undefined`: there is none @throws WorkerExistsError where its new key is taken */
  async change(
    id: string,
    actor: string,
    decide: (row: WorkerEntity) => RowChange,
  ): Promise<WorkerEntity | undefined> {
    if (!UUID.test(id)) return undefined;
    let wanted: Key | undefined;
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
      const key = keyOf(wanted);
      const standing = await this.database.run((manager) => manager.findOneBy(WorkerEntity, key));
      // Whoever had it may be gone meanwhile.
      if (standing === null) return this.change(id, actor, decide);
      throw new WorkerExistsError(wanted, standing);
    }
  }

  /** Of several at once for one key, one makes the row, and the others find it made. */
  put(
    key: Key,
    actor: string,
    make: (id: string) => NewColumns,
    decide: (row: WorkerEntity) => RowChange,
  ): Promise<{ readonly isNew: boolean; readonly row: WorkerEntity }> {
    return this.database.transaction(actor, async (manager) => {
      for (;;) {
        const standing = await this.lock(
          manager,
          'model_name = $1 AND md5(req_url_template) = md5($2) AND req_url_template = $2 AND name = $3',
          [key.model_name, key.req_url_template, key.name],
        );
        if (standing !== undefined)
          return { isNew: false, row: await write(manager, standing, decide(standing)) };
        const made = await insert(manager, make);
        if (made !== undefined) return { isNew: true, row: made };
      }
    });
  }

  /** @returns whether there was such a worker */
  async forget(id: string, actor: string, allow: (row: WorkerEntity) => void): Promise<boolean> {
    if (!UUID.test(id)) return false;
    return this.database.transaction(actor, async (manager) => {
      const row = await this.lock(manager, 'id = $1', [id]);
      if (row === undefined) return false;
      allow(row);
      await manager.delete(WorkerEntity, { id });
      return true;
    });
  }

  private async lock(
    manager: EntityManager,
    where: string,
    values: unknown[],
  ): Promise<WorkerEntity | undefined> {
    const rows: WorkerEntity[] = await manager.query(
      `SELECT * FROM ${this.table} WHERE ${where} FOR UPDATE`,
      values,
    );
    return rows[0];
  }
}

async function write(
  manager: EntityManager,
  row: WorkerEntity,
  { columns, clearEjection: pardon = false }: RowChange,
): Promise<WorkerEntity> {
  if (Object.keys(columns).length === 0 && !pardon) return row;
  const since = pardon ? { admin_state_since: () => 'now()' } : {};
  const result = await manager
    .createQueryBuilder()
    .update(WorkerEntity)
    .set({ ...forTypeOrm(columns), ...since })
    .where({ id: row.id })
    .returning('*')
    .execute();
  return (result.raw as WorkerEntity[])[0] ?? row;
}

async function insert(
  manager: EntityManager,
  make: (id: string) => NewColumns,
): Promise<WorkerEntity | undefined> {
  const id = randomUUID();
  const result = await manager
    .createQueryBuilder()
    .insert()
    .into(WorkerEntity)
    .values({ ...forTypeOrm(make(id)), id })
    .orIgnore()
    .returning('*')
    .execute();
  return (result.raw as WorkerEntity[])[0];
}

/** TypeORM's type for what may be written cannot follow JSON of any shape. */
function forTypeOrm(columns: RowChange['columns']): QueryDeepPartialEntity<WorkerEntity> {
  return columns as QueryDeepPartialEntity<WorkerEntity>;
}

function keyOf({ model_name, req_url_template, name }: Key): Key {
  return { model_name, req_url_template, name };
}

/** A violated unique constraint (23505): of `worker`, only its key can be. */
function isKeyTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

/** Who stands in worker_event for what came through the API. */
export const API_ACTOR = 'api';
