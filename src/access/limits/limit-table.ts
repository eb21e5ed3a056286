import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import type { MonthSums } from './month-budget.js';
import { type Allowance, exchange, type Report, ServerClock, type SharedUse } from './shared-use.js';

interface Row {
  readonly subject: string;
  readonly requests_left: number | null;
  readonly tokens_left: number | null;
  readonly replicas: SharedUse['replicas'];
  readonly month: string;
  readonly month_tokens: number;
  readonly month_cost: number;
  readonly updated_ms: number;
  readonly now_ms: number;
}

export interface Answer {
  readonly allowance: Allowance;
  /** When it was true, by the clock of this replica. */
  readonly atMs: number;
}

/** The table `limit_use`. */
@Injectable()
export class LimitTable {
  private readonly use: string;
  private readonly usage: string;
  private readonly clock = new ServerClock();

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.use = `"${schema}".limit_use`;
    this.usage = `"${schema}".usage_hourly`;
  }

  /**
   * Rows for these subjects, where there are none, with what they used this month before.
   * @param currencies of `cost_per_month`, by their subjects @throws DatabaseUnavailableError
   */
  async add(currencies: ReadonlyMap<string, string | null>, month: string): Promise<void> {
    await this.database.query(
      `INSERT INTO ${this.use} (subject, month, month_tokens, month_cost)
       SELECT each, $2, coalesce(sum(u.input_tokens + u.output_tokens), 0),
         coalesce(sum(u.cost) FILTER (WHERE cost_currency IS NULL OR u.currency = cost_currency), 0)
       FROM unnest($1::text[], $3::text[]) AS given (each, cost_currency) LEFT JOIN ${this.usage} u ON u.hour >= ($2::date)::timestamp AT TIME ZONE 'UTC' AND CASE
         WHEN starts_with(each, 'key ') THEN u.key_id = substr(each, 5)::uuid ELSE u.team = substr(each, 6) END
       WHERE NOT EXISTS (SELECT FROM ${this.use} known WHERE known.subject = each)
       GROUP BY each ORDER BY each ON CONFLICT (subject) DO NOTHING`,
      [[...currencies.keys()], month, [...currencies.values()]],
    );
  }

  /** What keys and teams used this month, by their subjects. @throws DatabaseUnavailableError */
  async months(month: string): Promise<ReadonlyMap<string, MonthSums>> {
    const rows = await this.database.query<Pick<Row, 'subject' | 'month_tokens' | 'month_cost'>>(
      `SELECT subject, month_tokens, month_cost FROM ${this.use} WHERE month = $1`,
      [month],
    );
    return new Map(
      rows.map(({ subject, month_tokens: monthTokens, month_cost: monthCost }) => [
        subject,
        { month, monthTokens, monthCost },
      ]),
    );
  }

  /**
   * Adds what this replica used, and reads what is left. Rows are locked in the order of their names, for two statements.
   * @returns nothing for a subject without a row @throws DatabaseUnavailableError
   */
  exchange(reports: ReadonlyMap<string, Report>): Promise<ReadonlyMap<string, Answer>> {
    return this.database.transaction('limits', async (manager) => {
      const rows: Row[] = await manager.query(
        `SELECT subject, requests_left, tokens_left, replicas, month::text, month_tokens, month_cost,
             extract(epoch FROM updated_at)::float8 * 1000 AS updated_ms, extract(epoch FROM clock_timestamp())::float8 * 1000 AS now_ms
           FROM ${this.use} WHERE subject = ANY ($1) ORDER BY subject FOR UPDATE`,
        [[...reports.keys()]],
      );
      const aheadMs = this.clock.aheadMs(Math.max(...rows.map(({ now_ms: ms }) => ms)), Date.now());
      const answers = rows.flatMap((row) => {
        const report = reports.get(row.subject);
        return report === undefined ? [] : [{ row, ...exchange(sharedOf(row), report, row.now_ms) }];
      });
      await manager.query(
        `UPDATE ${this.use} AS u SET requests_left = n.requests_left, tokens_left = n.tokens_left, replicas = n.replicas::jsonb,
             month = n.month, month_tokens = n.month_tokens, month_cost = n.month_cost, updated_at = to_timestamp(n.updated_ms / 1000)
           FROM unnest($1::text[], $2::float8[], $3::float8[], $4::text[], $5::date[], $6::float8[], $7::float8[], $8::float8[])
             AS n (subject, requests_left, tokens_left, replicas, month, month_tokens, month_cost, updated_ms)
           WHERE u.subject = n.subject`,
        [
          answers.map(({ row }) => row.subject),
          answers.map(({ shared }) => shared.requestsLeft),
          answers.map(({ shared }) => shared.tokensLeft),
          answers.map(({ shared }) => JSON.stringify(shared.replicas)),
          answers.map(({ shared }) => shared.month),
          answers.map(({ shared }) => shared.monthTokens),
          answers.map(({ shared }) => shared.monthCost),
          answers.map(({ shared }) => shared.updatedAtMs),
        ],
      );
      return new Map(
        answers.map(({ row, allowance }) => [row.subject, { allowance, atMs: row.now_ms - aheadMs }]),
      );
    });
  }

  /** Deletes what was not used this month: its budget is whole again. @throws DatabaseUnavailableError */
  async purge(): Promise<void> {
    await this.database.query(`DELETE FROM ${this.use} WHERE updated_at < date_trunc('month', now(), 'UTC')`);
  }
}

function sharedOf(row: Row): SharedUse {
  return {
    requestsLeft: row.requests_left,
    tokensLeft: row.tokens_left,
    updatedAtMs: row.updated_ms,
    replicas: row.replicas,
    month: row.month,
    monthTokens: row.month_tokens,
    monthCost: row.month_cost,
  };
}
