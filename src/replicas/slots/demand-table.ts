import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import type { Running } from '../replica.entity.js';
import type { Witness } from '../replica-membership.js';
import { Replicas } from '../replicas.js';
import type { DemandRow } from './model-slots.js';
import type { TenantDemand } from './tenant-demand.js';

/** The channel on which replicas learn that requests of a model wait; the payload is the schema and the model's name. */
export const CONTENDED = 'mmm_contended';

/** Another live replica, while the models of an exchange are locked. */
export interface Participant {
  readonly id: string;
  /** What still runs on a replica that takes no new requests; `null`: it takes some. */
  readonly draining: Running | null;
  /** It joins, and uses nothing before it has read the rows of the others. */
  readonly isNew: boolean;
}

/** The others, while the models of an exchange are locked: their rows by model and replica id. */
export interface Locked {
  readonly replicas: readonly Participant[];
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, DemandRow>>;
}

/** A model of which others have rows, and a replica that joins has none. */
export interface MissingRow {
  readonly model: string;
  readonly workerIds: readonly string[];
}

interface WrittenDemand {
  readonly slots: number;
  readonly waits: boolean;
  /** Left out by the release before. */
  readonly tenants?: Readonly<Record<string, WrittenTenant>>;
}

interface WrittenTenant extends Pick<TenantDemand, 'weight' | 'live' | 'bulk' | 'running'> {
  readonly running_bulk: number;
}

interface Row {
  readonly replica_id: string;
  readonly model_name: string;
  readonly demand: Readonly<Record<string, WrittenDemand>>;
  readonly held: Readonly<Record<string, number>>;
}

/** The demand of all tenants together. */
const ALL = '*';
/** Below SETTLE_MS: until then a replica of the release before uses nothing. */
const NEW_MS = 1_500;
const RECENT_MS = 10_000;

/** Every query on `replica_demand`, by the database's clock. All throw DatabaseUnavailableError. */
@Injectable()
export class DemandTable {
  private readonly table: string;
  private readonly replica: string;
  private readonly worker: string;
  /** The rows of live replicas. */
  private readonly live: string;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
    private readonly settings: DatabaseSettings,
  ) {
    this.table = `"${settings.schema}".replica_demand`;
    this.replica = `"${settings.schema}".replica`;
    this.worker = `"${settings.schema}".worker`;
    this.live = `"${settings.schema}".live_replica l JOIN ${this.replica} r ON r.id = l.id`;
  }

  private get me(): string {
    return this.replicas.id;
  }

  /**
   * One transaction that holds the lock of each model: reads what the others need and hold, and writes this replica's rows.
   * @param decide must not wait; the rows that are written, by model
   * @param contended models whose waiting requests the others must learn of
   */
  async exchange(
    models: readonly string[],
    contended: readonly string[],
    decide: (locked: Locked) => ReadonlyMap<string, DemandRow>,
  ): Promise<void> {
    await this.database.transaction('slots', async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))', [this.table]);
      // In one order everywhere. Every later statement sees what was committed before the locks were free.
      await manager.query(
        `SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || name, 0)) FROM unnest($2::text[]) AS name`,
        [this.table, models.toSorted()],
      );
      const replicas: Participant[] = await manager.query(
        `SELECT r.id, r.draining,
           coalesce(NOT r.settled, r.started_at > clock_timestamp() - interval '${NEW_MS} ms') AS "isNew"
         FROM ${this.live} WHERE r.id <> $1`,
        [this.me],
      );
      const rows: Row[] = await manager.query(
        `SELECT replica_id, model_name, demand, held FROM ${this.table}
         WHERE model_name = ANY ($2) AND replica_id <> $1`,
        [this.me, models],
      );
      const mine = [...decide({ replicas, rows: byModel(rows) })];
      await manager.query(
        `WITH announced AS (SELECT pg_notify('${CONTENDED}', $3 || ' ' || name) FROM unnest($4::text[]) AS name),
           mine AS (INSERT INTO ${this.table} (replica_id, model_name, demand, held)
             SELECT $1, model_name, demand, held
             FROM jsonb_to_recordset($2::jsonb) AS m (model_name text, demand jsonb, held jsonb)
             ON CONFLICT (model_name, replica_id)
             DO UPDATE SET seen_at = now(), demand = excluded.demand, held = excluded.held)
         SELECT count(*) FROM announced`,
        [
          this.me,
          JSON.stringify(mine.map(([model_name, row]) => ({ model_name, ...written(row) }))),
          this.settings.schema,
          contended,
        ],
      );
    });
  }

  /** Whether the other live replicas know of this one. */
  witnesses(): Promise<readonly Witness[]> {
    return this.database.query<Witness>(this.witnessesSql, [this.me]);
  }

  /**
   * Lets this replica use slots from the commit on, unless others have rows of models of which it has none: they may hold more of those
   * than its even share leaves. While it runs there is no exchange.
   * @param ignored models that are not known here
   * @returns the models of which rows are missing
   */
  async settle(
    isNoticed: (witnesses: readonly Witness[]) => boolean,
    ignored: readonly string[],
  ): Promise<'none' | 'unnoticed' | readonly MissingRow[]> {
    return this.database.transaction('slots', async (manager) => {
      await this.lockAll(manager);
      if (!isNoticed(await manager.query(this.witnessesSql, [this.me]))) return 'unnoticed';
      const missing: MissingRow[] = await manager.query(
        `SELECT model, ARRAY(SELECT id FROM ${this.worker} WHERE model_name = model) AS "workerIds"
         FROM (SELECT DISTINCT d.model_name AS model FROM ${this.table} d JOIN ${this.live} ON r.id = d.replica_id
           WHERE r.id <> $1 AND r.draining IS NULL AND d.model_name <> ALL ($2) AND EXISTS (SELECT FROM ${this.worker} w WHERE w.model_name = d.model_name)
             AND NOT EXISTS (SELECT FROM ${this.table} o WHERE o.replica_id = $1 AND o.model_name = d.model_name)) AS missing`,
        [this.me, ignored],
      );
      if (missing.length > 0) return missing;
      const settled: unknown[] = await manager.query(
        `WITH me AS (UPDATE ${this.replica} SET settled = true WHERE id = $1 AND id IN (SELECT r.id FROM ${this.live}) RETURNING id)
         SELECT FROM me`,
        [this.me],
      );
      return settled.length === 1 ? 'none' : 'unnoticed';
    });
  }

  /** Deletes this replica's rows if there is no other that takes new requests. @returns whether it did */
  async leaveIfAlone(): Promise<boolean> {
    return this.database.transaction('slots', async (manager) => {
      await this.lockAll(manager);
      const others: unknown[] = await manager.query(
        `SELECT FROM ${this.live} WHERE r.id <> $1 AND r.draining IS NULL LIMIT 1`,
        [this.me],
      );
      if (others.length > 0) return false;
      await manager.query(`DELETE FROM ${this.table} WHERE replica_id = $1`, [this.me]);
      return true;
    });
  }

  /** The models for which requests have waited elsewhere, for replicas that receive no NOTIFY. */
  async contended(): Promise<readonly string[]> {
    const rows = await this.database.query<{ name: string }>(
      `SELECT DISTINCT model_name AS name FROM ${this.table}
       WHERE replica_id <> $1 AND seen_at > now() - interval '${RECENT_MS} ms'
         AND (demand -> '${ALL}' ->> 'waits')::boolean`,
      [this.me],
    );
    return rows.map(({ name }) => name);
  }

  private get witnessesSql(): string {
    return `SELECT $1 = ANY (r.knows) AS knows, EXISTS (SELECT FROM pg_stat_activity a
        WHERE a.datname = current_database() AND starts_with(a.application_name, 'mmm ' || left(r.id::text, 8) || ' ')) AS "isConnected"
      FROM ${this.live} WHERE r.id <> $1`;
  }

  /** Waits for all running exchanges, and keeps others from beginning. */
  private async lockAll(manager: {
    query(sql: string, values: readonly unknown[]): Promise<unknown>;
  }): Promise<void> {
    await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [this.table]);
  }
}

function written({ tenants, waits, held }: DemandRow): Pick<Row, 'demand' | 'held'> {
  let slots = 0;
  for (const { live, bulk } of tenants.values()) slots += live + bulk;
  const its = [...tenants].map(([name, { weight, live, bulk, running, runningBulk }]) => [
    name,
    { weight, live: rounded(live), bulk: rounded(bulk), running, running_bulk: runningBulk },
  ]);
  return {
    demand: { [ALL]: { slots: rounded(slots), waits, tenants: Object.fromEntries(its) } },
    held: Object.fromEntries(held),
  };
}

function rounded(slots: number): number {
  return Math.round(1000 * slots) / 1000;
}

function byModel(rows: readonly Row[]): ReadonlyMap<string, ReadonlyMap<string, DemandRow>> {
  const all = new Map<string, Map<string, DemandRow>>();
  for (const { model_name, replica_id, demand, held } of rows) {
    const its = all.get(model_name) ?? new Map<string, DemandRow>();
    const { waits = false, ...wanted } = demand[ALL] ?? {};
    its.set(replica_id, { tenants: tenantsOf(wanted), waits, held: new Map(Object.entries(held)) });
    all.set(model_name, its);
  }
  return all;
}

function tenantsOf({ slots = 0, tenants }: Partial<WrittenDemand>): DemandRow['tenants'] {
  if (tenants === undefined)
    return new Map([['', { weight: 1, live: slots, bulk: 0, running: 0, runningBulk: 0 }]]);
  return new Map(
    Object.entries(tenants).map(([name, { running_bulk: runningBulk, ...its }]) => [
      name,
      { ...its, runningBulk },
    ]),
  );
}
