import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { type Actor, Database } from '../../database/database.js';
import type { PowerState } from '../power/power.js';
import type { ModelEntity } from './model.entity.js';

/** A model in the list: it has a policy, workers or both. */
export type ModelRow = { readonly [K in keyof Omit<ModelEntity, 'name'>]: ModelEntity[K] | null } & {
  readonly name: string;
  /** The number of workers by state: the health of enabled workers, the admin_state of the others; `null`: no workers. */
  readonly workers: Readonly<Record<string, number>> | null;
  /** The number of enabled workers that can sleep, by state; `null`: none can. */
  readonly power: Readonly<Partial<Record<PowerState, number>>> | null;
};

export interface Applied {
  readonly row: ModelEntity;
  readonly outcome: 'created' | 'changed' | 'same';
}

/** Every query on the table `model`. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class ModelRepository {
  private readonly table: string;
  private readonly worker: string;
  private readonly power: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".model`;
    this.worker = `"${schema}".worker`;
    this.power = `"${schema}".worker_power`;
  }

  all(): Promise<ModelEntity[]> {
    return this.database.query(`SELECT * FROM ${this.table}`);
  }

  async find(name: string): Promise<ModelRow | undefined> {
    const rows = await this.database.query<ModelRow>(`${this.listed()} WHERE name = $1`, [name]);
    return rows[0];
  }

  /** By name, those after `after`. */
  page(after: string | null, limit: number): Promise<ModelRow[]> {
    return this.database.query(
      `${this.listed()} WHERE $1::text IS NULL OR name COLLATE "C" > $1 ORDER BY name COLLATE "C" LIMIT $2`,
      [after, limit],
    );
  }

  /** Writes the policy unless the row is the same. `check` gets all rows while they are locked. @throws what `check` throws */
  apply(
    name: string,
    definition: ModelDefinition,
    check: (others: readonly ModelEntity[], existing: ModelEntity | undefined) => void,
    actor: Actor,
  ): Promise<Applied> {
    return this.database.transaction(actor, async (manager) => {
      // Two policies that are valid alone can form a cycle together.
      await manager.query(`LOCK TABLE ${this.table} IN SHARE ROW EXCLUSIVE MODE`);
      const rows: ModelEntity[] = await manager.query(`SELECT * FROM ${this.table}`);
      const existing = rows.find((row) => row.name === name);
      check(
        rows.filter((row) => row !== existing),
        existing,
      );
      if (existing !== undefined && isSame(existing, definition)) return { row: existing, outcome: 'same' };
      const columns = Object.keys(definition);
      const places = columns.map((_, index) => `$${index + 2}`);
      const [row]: ModelEntity[] = await manager.query(
        `INSERT INTO ${this.table} (name, ${columns.join(', ')}) VALUES ($1, ${places.join(', ')})
         ON CONFLICT (name) DO UPDATE SET ${columns.map((column) => `${column} = EXCLUDED.${column}`).join(', ')} RETURNING *`,
        [name, ...Object.values(definition)],
      );
      if (row === undefined) throw new Error('PostgreSQL returned no row for what it wrote');
      return { row, outcome: existing === undefined ? 'created' : 'changed' };
    });
  }

  /** @returns whether there was one @throws what `check` throws */
  remove(name: string, check: (existing: ModelEntity) => void, actor: Actor): Promise<boolean> {
    return this.database.transaction(actor, async (manager) => {
      const [existing]: ModelEntity[] = await manager.query(
        `SELECT * FROM ${this.table} WHERE name = $1 FOR UPDATE`,
        [name],
      );
      if (existing === undefined) return false;
      check(existing);
      await manager.query(`DELETE FROM ${this.table} WHERE name = $1`, [name]);
      return true;
    });
  }

  private listed(): string {
    return `
      SELECT * FROM (
        SELECT * FROM ${this.table} FULL JOIN (
          SELECT model_name AS name, json_object_agg(state, count) AS workers FROM (
            SELECT model_name, CASE admin_state WHEN 'enabled' THEN health ELSE admin_state END AS state, count(*) AS count
            FROM ${this.worker} WHERE admin_state <> 'offline' GROUP BY 1, 2) AS states
          GROUP BY model_name) AS counted USING (name)
        LEFT JOIN (
          SELECT model_name AS name, json_object_agg(state, count) AS power FROM (
            SELECT w.model_name, p.state, count(*) AS count FROM ${this.power} p JOIN ${this.worker} w ON w.id = p.worker_id
            WHERE w.admin_state = 'enabled' GROUP BY 1, 2) AS powers
          GROUP BY model_name) AS slept USING (name)) AS listed`;
  }
}

const PRICES: ReadonlySet<string> = new Set<keyof ModelDefinition>([
  'price_input',
  'price_output',
  'price_cached_input',
  'price_image',
  'price_second',
]);

function isSame(row: ModelEntity, definition: ModelDefinition): boolean {
  return Object.entries(definition).every(([column, value]) => {
    const known = row[column as keyof ModelDefinition];
    // A number may be written in more than one way.
    if (PRICES.has(column) && known !== null && value !== null) return Number(known) === Number(value);
    return JSON.stringify(known) === JSON.stringify(value);
  });
}

/** The columns that a client sets. */
export type ModelDefinition = Omit<
  ModelEntity,
  'name' | 'generation' | 'created_at' | 'updated_at' | 'updated_by'
>;
