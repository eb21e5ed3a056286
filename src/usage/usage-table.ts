import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { ReplicaIdentity } from '../database/replica-identity.js';
import type { UsageSum } from './usage-sums.js';

/** Days that usage is kept: a year, and the month in which it is compared. */
const RETENTION_DAYS = 400;
/** Days after which a replica cannot come back with a batch. */
const BATCH_DAYS = 30;
/** Rows of one transaction. */
const SLICE = 10_000;

/** The columns of sums but `cost`, and what UsageSum calls them. */
const FIGURES: readonly (readonly [column: string, name: keyof UsageSum])[] = [
  ['requests', 'requests'],
  ['errors_caller', 'errorsCaller'],
  ['errors_worker', 'errorsWorker'],
  ['errors_service', 'errorsService'],
  ['limited', 'limited'],
  ['input_tokens', 'input'],
  ['cached_tokens', 'cached'],
  ['output_tokens', 'output'],
  ['estimated_tokens', 'estimated'],
  ['images', 'images'],
  ['seconds', 'seconds'],
];
export const FIGURE_COLUMNS: readonly string[] = FIGURES.map(([column]) => column);
const COLUMNS = [...FIGURE_COLUMNS, 'cost'];

/** Sums of `usage_hourly` with fewer columns: a report reads the smallest one. */
const ROLL_UPS: readonly (readonly [table: string, columns: readonly (keyof typeof COLUMN_OF_BATCH)[]])[] = [
  ['usage_by_hour', ['hour', 'key_id', 'team', 'model', 'currency']],
  ['usage_by_worker', ['day', 'worker_id', 'key_id', 'team', 'model', 'currency']],
  ['usage_daily', ['day', 'key_id', 'team', 'model', 'currency']],
];
/** What the columns of keys are in a batch. */
const COLUMN_OF_BATCH = {
  hour: 'to_timestamp(r.hour / 1000)',
  day: `(to_timestamp(r.hour / 1000) AT TIME ZONE 'UTC')::date`,
  key_id: 'r."keyId"',
  team: 'r.team',
  model: 'r.model',
  worker_id: 'r."workerId"',
  currency: 'r.currency',
};

/** The writes of `usage_hourly`, its roll-ups, and `usage_batch`. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class UsageTable {
  private readonly hourly: string;
  private readonly schema: string;
  private readonly batch: string;

  constructor(
    private readonly database: Database,
    private readonly identity: ReplicaIdentity,
    { schema }: DatabaseSettings,
  ) {
    this.hourly = `"${schema}".usage_hourly`;
    this.schema = schema;
    this.batch = `"${schema}".usage_batch`;
  }

  /**
   * Adds a batch, unless it was added before: the answer to the first try may have been lost. One statement is one
   * transaction. Replicas lock rows in one order, so that they never wait for each other in a circle.
   * @param sequence rises with every batch of this replica
   */
  async add(sequence: number, rows: readonly UsageSum[]): Promise<void> {
    const names = COLUMNS.join(', ');
    const figures = FIGURES.map(([, name]) => `r."${name}"`);
    const cost = `CASE WHEN r.currency <> '' THEN round(r.cost::numeric, 12) END`;
    await this.database.query(
      `WITH fresh AS (
         INSERT INTO ${this.batch} (replica_id, sequence) VALUES ($1, $2)
         ON CONFLICT (replica_id) DO UPDATE SET sequence = EXCLUDED.sequence, at = now() WHERE usage_batch.sequence < EXCLUDED.sequence
         RETURNING replica_id),
       r AS MATERIALIZED (
         SELECT r.* FROM fresh, json_to_recordset($3::json) AS r (hour bigint, "keyId" uuid, "keyName" text, team text, model text,
           "workerId" uuid, currency text, ${FIGURES.map(([, name]) => `"${name}" ${typeOf(name)}`).join(', ')}, cost numeric)),
       ${ROLL_UPS.map(([table, columns]) => `${table} AS (${this.rolledUp(table, columns, cost)})`).join(',\n       ')}
       INSERT INTO ${this.hourly} AS this (hour, key_id, key_name, team, model, worker_id, currency, ${names})
       SELECT to_timestamp(r.hour / 1000), r."keyId", r."keyName", r.team, r.model, r."workerId", r.currency, ${figures.join(', ')}, ${cost}
       FROM r ORDER BY 1, 2, 4, 5, 6, 7
       ON CONFLICT (hour, key_id, team, model, worker_id, currency) DO UPDATE SET ${ADDED}`,
      [this.identity.id, sequence, JSON.stringify(rows)],
    );
  }

  /** SQL that adds a batch to a roll-up. Rows are locked in the order of its primary key. */
  private rolledUp(table: string, columns: readonly (keyof typeof COLUMN_OF_BATCH)[], cost: string): string {
    const key = columns.join(', ');
    const by = columns.map((name) => COLUMN_OF_BATCH[name]).join(', ');
    const sums = [...FIGURES.map(([, name]) => `sum(r."${name}")`), `sum(${cost})`].join(', ');
    return `INSERT INTO "${this.schema}".${table} AS this (${key}, key_name, ${COLUMNS.join(', ')})
         SELECT ${by}, max(r."keyName"), ${sums} FROM r GROUP BY ${by} ORDER BY ${by}
         ON CONFLICT (${key}) DO UPDATE SET ${ADDED}`;
  }

  /** Deletes old rows, in slices, each a transaction of its own. */
  async purge(): Promise<void> {
    await this.purgeOf(this.hourly, 'hour');
    for (const [table, [time]] of ROLL_UPS)
      await this.purgeOf(`"${this.schema}".${table}`, time === 'hour' ? 'hour' : 'day');
    await this.database.query(`DELETE FROM ${this.batch} WHERE at < now() - make_interval(days => $1)`, [
      BATCH_DAYS,
    ]);
  }

  private async purgeOf(table: string, time: 'hour' | 'day'): Promise<void> {
    for (let deleted = SLICE; deleted === SLICE;) {
      const [row] = await this.database.query<{ deleted: number }>(
        `WITH gone AS (
           DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM ${table} WHERE ${time} < now() - make_interval(days => $1) LIMIT ${SLICE})) RETURNING 1)
         SELECT count(*)::integer AS deleted FROM gone`,
        [RETENTION_DAYS],
      );
      deleted = row?.deleted ?? 0;
    }
  }
}

const ADDED = [
  'key_name = EXCLUDED.key_name',
  ...COLUMNS.map((name) => `${name} = this.${name} + EXCLUDED.${name}`),
].join(', ');

function typeOf(name: keyof UsageSum): string {
  return name === 'seconds' ? 'double precision' : 'bigint';
}
