import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager, QueryDeepPartialEntity } from 'typeorm';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { UUID } from '../../input/page.js';
import { WorkerExistsError } from '../registration/registration-errors.js';
import type { WorkerDefinition } from '../worker-definition.js';
import { WorkerEntity } from '../worker.entity.js';

type Key = Pick<WorkerDefinition, 'model_name' | 'req_url_template' | 'name'>;
export type NewColumns = WorkerDefinition & Pick<WorkerEntity, 'sealed_header'>;

/** What a decision about a row writes; nothing, where nothing changes. */
export interface RowChange {
  readonly columns: Partial<NewColumns & Pick<WorkerEntity, 'admin_state'>>;
  /** Replicas forget what they hold against it: `admin_state_since` becomes now. */
  readonly pardon?: boolean;
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
  { columns, pardon = false }: RowChange,
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
