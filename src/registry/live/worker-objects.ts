import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';

/** In memory, and waiting to be written while the database is away: the newest count. */
const MOST_KEPT = 10_000;
/** A longer id is no server's (OpenAI's have some 70 characters). */
const LONGEST_ID = 256;
/** Of one answer: a response and its items. */
const MOST_IDS = 64;
/** How long an answer waits until other replicas can find its objects; writing takes a millisecond or two. */
const LONGEST_WRITE_MS = 250;
/** How long a request waits to learn which worker it needs. */
const LONGEST_READ_MS = 1_000;
/** OpenAI keeps responses for 30 days: https://platform.openai.com/docs/guides/conversation-state */
const RETENTION_DAYS = 30;
/** About 250 MB with the indexes. */
const MOST_ROWS = 1_000_000;
/** Rows of one transaction. */
const PURGE_SLICE = 10_000;

/**
 * Which worker's server keeps an object that clients name later, the same on all replicas. A replica finds what passed through
 * itself in memory, the rest in the table `worker_object`. Without the database, it goes on with its memory.
 */
@Injectable()
export class WorkerObjects {
  private readonly logger = new Logger('Registry');
  /** Worker by object, oldest first. */
  private readonly known = new Map<string, string>();
  /** What the table does not have yet. */
  private readonly unwritten = new Map<string, string>();
  /** The write that is next, and the one that runs. */
  private next: Promise<void> | null = null;
  private running: Promise<void> = Promise.resolve();
  private readonly table: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".worker_object`;
  }

  /** Resolves when all replicas can find it, or after a moment while the database is away. Never throws. */
  async keep(ids: readonly string[], workerId: string): Promise<void> {
    const news = ids.filter((id) => isId(id) && this.known.get(id) !== workerId).slice(0, MOST_IDS);
    if (news.length === 0) return;
    for (const id of news) {
      remember(this.known, id, workerId);
      remember(this.unwritten, id, workerId);
    }
    const written = this.written();
    if (this.database.writable) await within(LONGEST_WRITE_MS, written, undefined);
  }

  /** The worker that keeps the first of these objects that is known; `null`: none is. Never throws. */
  async workerOf(ids: readonly string[]): Promise<string | null> {
    for (const id of ids) {
      const workerId = this.known.get(id);
      if (workerId !== undefined) return workerId;
    }
    const sought = ids.filter(isId).slice(0, MOST_IDS);
    if (sought.length === 0) return null;
    const found = this.read(sought).catch((error: unknown) => {
      this.logger.debug(`worker_object not read: ${String(error)}`);
      return null;
    });
    return within(LONGEST_READ_MS, found, null);
  }

  /**
   * The workers that keep any of these objects, in their order. Unlike `workerOf` it is sure of the unknown ones.
   * @throws DatabaseUnavailableError
   */
  async workersOf(ids: readonly string[]): Promise<readonly string[]> {
    const sought = ids.filter((id) => !this.known.has(id) && isId(id));
    const found = new Map(ids.map((id) => [id, this.known.get(id)]));
    if (sought.length > 0) for (const row of await this.rowsOf(sought)) found.set(row.id, row.worker_id);
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /**
   * Deletes what is old, and beyond the bound the oldest, in slices. Every replica does it.
   * @throws DatabaseUnavailableError
   */
  async purge(days = RETENTION_DAYS, most = MOST_ROWS): Promise<void> {
    const [row] = await this.database.query<{ before: string }>(
      `SELECT greatest(now() - make_interval(days => $1),
         (SELECT created_at FROM ${this.table} ORDER BY created_at DESC OFFSET $2 LIMIT 1))::text AS before`,
      [days, most],
    );
    for (let deleted = PURGE_SLICE; deleted === PURGE_SLICE;) {
      const rows = await this.database.query(
        `DELETE FROM ${this.table} WHERE id IN (SELECT id FROM ${this.table} WHERE created_at <= $1::timestamptz LIMIT $2) RETURNING id`,
        [row?.before, PURGE_SLICE],
      );
      deleted = rows.length;
    }
  }

  private async read(ids: readonly string[]): Promise<string | null> {
    const rows = await this.rowsOf(ids);
    for (const { id, worker_id: workerId } of rows) remember(this.known, id, workerId);
    for (const id of ids) {
      const row = rows.find((each) => each.id === id);
      if (row !== undefined) return row.worker_id;
    }
    return null;
  }

  private rowsOf(ids: readonly string[]): Promise<{ id: string; worker_id: string }[]> {
    return this.database.query(`SELECT id, worker_id FROM ${this.table} WHERE id = ANY ($1::text[])`, [ids]);
  }

  /** One write at a time; what comes meanwhile is written together by the next. */
  private written(): Promise<void> {
    this.next ??= this.running.then(() => {
      this.next = null;
      this.running = this.write();
      return this.running;
    });
    return this.next;
  }

  private async write(): Promise<void> {
    const rows = new Map(this.unwritten);
    this.unwritten.clear();
    try {
      await this.database.query(
        `INSERT INTO ${this.table} (id, worker_id) SELECT * FROM unnest($1::text[], $2::uuid[])
         ON CONFLICT (id) DO UPDATE SET worker_id = excluded.worker_id, created_at = now()`,
        [[...rows.keys()], [...rows.values()]],
      );
    } catch (error) {
      // The next write has them.
      for (const [id, workerId] of rows) if (!this.unwritten.has(id)) remember(this.unwritten, id, workerId);
      this.logger.debug(`worker_object not written: ${String(error)}`);
    }
  }
}

function isId(id: string): boolean {
  return id !== '' && Buffer.byteLength(id) <= LONGEST_ID && !id.includes('\0');
}

function remember(map: Map<string, string>, id: string, workerId: string): void {
  map.delete(id);
  map.set(id, workerId);
  if (map.size <= MOST_KEPT) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

function within<T>(ms: number, result: Promise<T>, otherwise: T): Promise<T> {
  const ended = new AbortController();
  const late = sleep(ms, otherwise, { signal: ended.signal, ref: false }).catch(() => otherwise);
  return Promise.race([result, late]).finally(() => ended.abort());
}
