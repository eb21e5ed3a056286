import type { EntityManager } from 'typeorm';
import { Database } from '../../database/database.js';
import { DatabaseBusyError, DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { missedHeartbeats } from '../../registry/registration/heartbeat.service.js';
import { GatheredWork } from './gathered-work.js';
import {
  asRow,
  changesWorker,
  type Claim,
  type ProbeOutcome,
  SEEN,
  STILL_MINE,
  WHAT_WAS_SEEN,
} from './probe-outcome.js';

/** Verdicts of one transaction: their rows are locked for tens of milliseconds. */
const NEWS_AT_ONCE = 200;

/** Writes what probes showed, which ends their leases. */
export class ProbeRecords {
  private readonly worker: string;
  private readonly probe: string;
  private readonly settled = new GatheredWork<ProbeOutcome>((results) => this.recordUncontested(results));
  private readonly news = new GatheredWork<ProbeOutcome>((news) => this.recordNewsTogether(news));

  /** @param availableMs how long heartbeats could be received here, as far as this replica knows */
  constructor(
    private readonly database: Database,
    private readonly owner: string,
    private readonly availableMs: () => number,
    schema: string,
  ) {
    this.worker = `"${schema}".worker`;
    this.probe = `"${schema}".worker_probe`;
  }

  /** See ProbeLeases. @throws DatabaseUnavailableError */
  async record(results: readonly ProbeOutcome[]): Promise<readonly ProbeOutcome[]> {
    const [settled, news] = await Promise.all([
      this.settled.run(results.filter((result) => !changesWorker(result))),
      this.news.run(results.filter((result) => changesWorker(result) && !result.isExpired)),
    ]);
    const written: ProbeOutcome[] = [];
    for (const result of results) {
      const isWritten =
        settled.has(result) ||
        news.has(result) ||
        // One by one: a transaction that holds several rows and waits for another can deadlock.
        (await (changesWorker(result)
          ? this.recordNews(result)
          : this.database.run((manager) => this.recordOne(manager, result))));
      if (isWritten) written.push(result);
    }
    return written;
  }

  /** All at once, without rows that another transaction is changing. */
  private async recordUncontested(results: readonly ProbeOutcome[]): Promise<ReadonlySet<ProbeOutcome>> {
    const ids = await this.database.run((manager) => this.recordAll(manager, results));
    return new Set(results.filter(({ claim }) => ids.has(claim.workerId)));
  }

  private async recordAll(
    manager: EntityManager,
    results: readonly ProbeOutcome[],
  ): Promise<ReadonlySet<string>> {
    const [rows] = await manager.query<[{ worker_id: string }[], number]>(
      `WITH mine AS MATERIALIZED (
         SELECT p.worker_id FROM ${this.probe} p, ${SEEN} WHERE ${STILL_MINE} FOR NO KEY UPDATE OF p SKIP LOCKED)
       UPDATE ${this.probe} p SET ${WHAT_WAS_SEEN}
       FROM ${SEEN} JOIN mine USING (worker_id) WHERE ${STILL_MINE} RETURNING p.worker_id`,
      [this.owner, JSON.stringify(results.map(asRow))],
    );
    return new Set(rows.map((row) => row.worker_id));
  }

  /**
   * Results and verdicts of many workers in few transactions: after a start each first probe is a verdict, and a commit for each
   * took most of the time. Without rows that another transaction is changing: it holds several rows, and waits for none.
   */
  private async recordNewsTogether(news: readonly ProbeOutcome[]): Promise<ReadonlySet<ProbeOutcome>> {
    const written = new Set<ProbeOutcome>();
    for (let from = 0; from < news.length; from += NEWS_AT_ONCE) {
      const slice = news.slice(from, from + NEWS_AT_ONCE);
      const ids = await this.recordSlice(slice).catch((error: unknown) => {
        if (error instanceof DatabaseUnavailableError && !(error instanceof DatabaseBusyError)) throw error;
        // One by one, so that a row that cannot be written harms no other.
        return new Set<string>();
      });
      for (const result of slice) if (ids.has(result.claim.workerId)) written.add(result);
    }
    return written;
  }

  private recordSlice(news: readonly ProbeOutcome[]): Promise<ReadonlySet<string>> {
    return this.database.transaction('health', async (manager) => {
      const free = await manager.query<{ id: string }[]>(
        `SELECT id FROM ${this.worker} WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`,
        [news.map(({ claim }) => claim.workerId)],
      );
      const ids = new Set(free.map(({ id }) => id));
      const written = await this.recordAll(
        manager,
        news.filter(({ claim }) => ids.has(claim.workerId)),
      );
      const verdicts = news.filter(({ claim }) => written.has(claim.workerId));
      await manager.query(
        `UPDATE ${this.worker} w SET health = n.health, health_reason = n.reason
         FROM jsonb_to_recordset($1::jsonb) AS n (worker_id uuid, generation integer, health text, reason text)
         WHERE w.id = n.worker_id AND w.generation = n.generation AND w.admin_state IN ('enabled', 'draining')`,
        [
          JSON.stringify(
            verdicts.map(({ claim: { workerId, generation }, after: { health, reason } }) => ({
              worker_id: workerId,
              generation,
              health,
              reason,
            })),
          ),
        ],
      );
      return written;
    });
  }

  private async recordOne(manager: EntityManager, result: ProbeOutcome): Promise<boolean> {
    const answer: unknown = await manager.query(
      `UPDATE ${this.probe} p SET ${WHAT_WAS_SEEN} FROM ${SEEN} WHERE ${STILL_MINE}`,
      [this.owner, JSON.stringify([asRow(result)])],
    );
    // TypeORM answers [rows, count] to an UPDATE.
    return Array.isArray(answer) && answer[1] === 1;
  }

  /** Probe result and verdict in one transaction. `worker` is locked first, as by every change of a definition. */
  private recordNews(result: ProbeOutcome): Promise<boolean> {
    const { claim, after } = result;
    return this.database.transaction('health', async (manager) => {
      await manager.query(`SELECT FROM ${this.worker} WHERE id = $1 FOR NO KEY UPDATE`, [claim.workerId]);
      if (!(await this.recordOne(manager, result))) return false;
      await manager.query(
        `UPDATE ${this.worker} SET health = $3, health_reason = $4
         WHERE id = $1 AND generation = $2 AND admin_state IN ('enabled', 'draining')`,
        [claim.workerId, claim.generation, after.health, after.reason],
      );
      if (result.isExpired) await this.expire(manager, claim);
      return true;
    });
  }

  /** Unless a heartbeat arrived since: `worker` is locked, so a heartbeat either waits or is visible here. */
  private async expire(manager: EntityManager, { workerId, generation }: Claim): Promise<void> {
    await manager.query(`SELECT set_config('mmm.actor', 'heartbeat expired', true)`);
    await manager.query(
      `UPDATE ${this.worker} w SET admin_state = 'offline' FROM ${this.probe} p
       WHERE w.id = $1 AND w.generation = $2 AND w.admin_state IN ('enabled', 'draining')
         AND p.worker_id = w.id AND ${missedHeartbeats('w', 'p', '$3')}`,
      [workerId, generation, this.availableMs()],
    );
  }
}
