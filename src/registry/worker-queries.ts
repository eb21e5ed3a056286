import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { type CursorShape, type SortKey, UUID } from '../input/page.js';
import { WorkerNotFoundError } from './registry-errors.js';
import type { WorkerEventEntity } from './worker-event.entity.js';
import type { WorkerEntity } from './worker.entity.js';
import type { WorkerSort } from './management/worker-sort.js';
import { setTimeout as sleep } from 'timers/promises';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { WorkerCompiler } from './calls/worker-compiler.js';
import { LiveWorkers } from './live/live-workers.js';
import type { ShownWorker } from './worker-view.js';
import { WorkerWriter } from './worker-writer.js';

export interface WorkerFilter {
  readonly model_name: string | undefined;
  readonly owner: string | undefined;
  /** Any of them; none means all. */
  readonly health: readonly string[];
  /** Any of them; none means all. */
  readonly admin_state: readonly string[];
  /** All of them: `key:value`, or a `key` of any value. */
  readonly label: readonly string[];
}

/** `after`: the sort key of the last row already seen. */
interface Stretch {
  readonly limit: number;
  readonly after: SortKey | null;
}

export type SortedRow = WorkerEntity & { readonly sort_key: string };

/** Events have one order. */
export const EVENT_CURSOR: CursorShape = { sort: '-id', key: [/^\d{1,18}$/] };

/** Labels are read by a function that fails on what it cannot decode, and a row edited by hand must not hide the others. */
const READABLE_LABELS = String.raw`CASE WHEN json_typeof(labels) = 'object' AND labels::text !~ '\\u(0000|[dD][89a-fA-F])' THEN labels ELSE '{}' END`;

/** Reads of the tables `worker` and `worker_event` for people. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class WorkerQueries {
  private readonly table: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".worker`;
  }

  /** @throws WorkerNotFoundError */
  async get(id: string): Promise<WorkerEntity> {
    const rows = UUID.test(id)
      ? await this.database.query<WorkerEntity>(`SELECT * FROM ${this.table} WHERE id = $1`, [id])
      : [];
    if (rows[0] === undefined) throw new WorkerNotFoundError();
    return rows[0];
  }

  /** One more than `limit`, where there are more. Behind a key, not an offset: rows that come and go move nobody's page. */
  list(filter: WorkerFilter, sort: WorkerSort, { limit, after }: Stretch): Promise<SortedRow[]> {
    const { expression, type, descending } = sort;
    const order = descending ? 'DESC' : 'ASC';
    return this.database.query(
      `SELECT *, (${expression})::text AS sort_key FROM ${this.table}
       WHERE ($1::text IS NULL OR model_name = $1) AND ($2::text IS NULL OR owner = $2)
         AND (cardinality($3::text[]) = 0 OR health = ANY ($3)) AND (cardinality($4::text[]) = 0 OR admin_state = ANY ($4))
         AND NOT EXISTS (SELECT FROM unnest($5::text[]) AS wanted WHERE NOT EXISTS (
           SELECT FROM json_each_text(${READABLE_LABELS}) AS l WHERE wanted IN (l.key, l.key || ':' || l.value)))
         AND ($6::text IS NULL OR (${expression}, id) ${descending ? '<' : '>'} ($6::${type}, $7::uuid))
       ORDER BY ${expression} ${order}, id ${order} LIMIT $8`,
      [
        filter.model_name ?? null,
        filter.owner ?? null,
        filter.health,
        filter.admin_state,
        filter.label,
        after?.[0] ?? null,
        after?.[1] ?? null,
        limit + 1,
      ],
    );
  }

  /** Newest first, one more than `limit` where there are more. @throws WorkerNotFoundError where there never was such a worker */
  async events(workerId: string, { limit, after }: Stretch): Promise<WorkerEventEntity[]> {
    if (!UUID.test(workerId)) throw new WorkerNotFoundError();
    const events = await this.database.query<WorkerEventEntity>(
      `SELECT * FROM ${this.table}_event WHERE worker_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
      [workerId, after?.[0] ?? null, limit + 1],
    );
    // Of a worker that is there, the history may be empty: it is not kept for ever.
    if (events.length === 0 && after === null) await this.get(workerId);
    return events;
  }
}

/** A database that says nothing for so long is not there. */
const LONGEST_WAIT_MS = 2000;

/** The workers that are not offline, oldest first: from the database while it is there, else as they were last seen. */
@Injectable()
export class WorkerList {
  constructor(
    private readonly repository: WorkerWriter,
    private readonly live: LiveWorkers,
    private readonly compiler: WorkerCompiler,
  ) {}

  /** @throws DatabaseUnavailableError when it never was there */
  async all(): Promise<readonly ShownWorker[]> {
    const answered = new AbortController();
    try {
      return await Promise.race([this.repository.list(), silence(answered.signal)]);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || this.live.lastLoadMs === null) throw error;
      return this.remembered();
    } finally {
      answered.abort();
    }
  }

  private remembered(): readonly ShownWorker[] {
    return this.live
      .workers()
      .flatMap((worker) => this.compiler.shownOf(worker) ?? [])
      .toSorted((a, b) => Number(a.created_at) - Number(b.created_at) || (a.id < b.id ? -1 : 1));
  }
}

async function silence(answered: AbortSignal): Promise<never> {
  await sleep(LONGEST_WAIT_MS, undefined, { signal: answered, ref: false }).catch(() => {});
  throw new DatabaseUnavailableError(new Error(`no answer within ${LONGEST_WAIT_MS} ms`));
}
