import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Caller } from '../../access/caller.js';
import { checkOwns, checkUndone } from '../../access/worker-rights.js';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { existingTime } from '../../input/dto-rules.js';
import {
  type CursorShape,
  limitOf,
  listOf,
  type Page,
  pageOf,
  type PageQueryDto,
  readCursor,
  UUID,
} from '../../input/page.dto.js';
import { RegistrySync } from '../live/registry-sync.js';
import { EventNotFoundError, UndoRefusedError } from '../registry-errors.js';
import { WorkerEntity } from '../worker.entity.js';
import { WorkerQueries } from '../worker-queries.js';
import type { EventDto, ListEventsQueryDto, WorkerEventDto } from './event.dto.js';

/** Events have one order. */
const BY_ID: CursorShape = { sort: '-id', key: [/^\d{1,18}$/] };
const EVENT_ID = /^\d{1,18}$/;

/** The members of EventDto. */
const SHOWN =
  'id, at, kind, subject, subject_id, subject_name, worker_name, actor, via, role, before, after, note, undoes, generation, req_url_template';

/** Raised by undo_event() and by the constraints of what it restores: raise_exception, unique_violation, check_violation. */
const REFUSALS: ReadonlySet<string> = new Set(['P0001', '23505', '23514']);
/** no_data_found */
const NO_EVENT = 'P0002';

/** Reads the table `event`, and takes changes back. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class EventHistory {
  private readonly schema: string;

  constructor(
    private readonly database: Database,
    private readonly workers: WorkerQueries,
    private readonly sync: RegistrySync,
    { schema }: DatabaseSettings,
  ) {
    this.schema = `"${schema}"`;
  }

  /** A page of events, newest first. @throws InvalidInputError */
  async page(query: ListEventsQueryDto): Promise<Page<EventDto>> {
    const limit = limitOf(query);
    const rows = await this.database.query<EventDto>(
      `SELECT ${SHOWN} FROM ${this.schema}.event
       WHERE ($1::bigint IS NULL OR id < $1) AND ($2::text IS NULL OR actor = $2 OR starts_with(actor, $2 || '/'))
         AND (cardinality($3::text[]) = 0 OR kind = ANY ($3)) AND ($4::text IS NULL OR subject = $4) AND ($5::text IS NULL OR via = $5)
         AND ($6::uuid IS NULL OR subject_id = $6) AND ($7::text IS NULL OR subject_name = $7)
         AND ($8::timestamptz IS NULL OR at >= $8) AND ($9::timestamptz IS NULL OR at < $9)
       ORDER BY id DESC LIMIT $10`,
      [
        readCursor(query.cursor, BY_ID)?.[0] ?? null,
        query.actor ?? null,
        listOf(query.kind),
        query.subject ?? null,
        query.via ?? null,
        query.worker_id ?? null,
        query.model_name ?? null,
        query.since === undefined ? null : existingTime('since', query.since),
        query.until === undefined ? null : existingTime('until', query.until),
        limit + 1,
      ],
    );
    return pageOf(rows, limit, BY_ID, ({ id }) => [id], asIs);
  }

  /** A page of a worker's events, newest first. @throws InvalidInputError, WorkerNotFoundError where there never was such a worker */
  async ofWorker(workerId: string, query: PageQueryDto, caller: Caller): Promise<Page<WorkerEventDto>> {
    // The events of a deleted worker belong to no registrar.
    if (caller.role === 'registrar') checkOwns(caller, await this.workers.get(workerId));
    const limit = limitOf(query);
    const after = readCursor(query.cursor, BY_ID);
    const rows = UUID.test(workerId)
      ? await this.database.query<WorkerEventDto>(
          `SELECT ${SHOWN}, note AS detail, subject_name AS model_name FROM ${this.schema}.event WHERE subject_id = $1 AND subject = 'worker' AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
          [workerId, after?.[0] ?? null, limit + 1],
        )
      : [];
    // The events of an existing worker may all be purged.
    if (rows.length === 0 && after === null) await this.workers.get(workerId);
    return pageOf(rows, limit, BY_ID, ({ id }) => [id], asIs);
  }

  /**
   * Takes a change back. When it returns, this replica already shows the former values.
   * @param force also overwrites what was changed since
   * @returns the event that this makes
   * @throws EventNotFoundError, ForbiddenError, UndoRefusedError
   */
  async undo(id: string, force: boolean, caller: Caller): Promise<EventDto> {
    if (!EVENT_ID.test(id)) throw new EventNotFoundError();
    const made = await this.run(id, force, caller);
    if (made.subject === 'model' || made.subject_id === null) await this.sync.reloadModels().catch(() => {});
    else await this.sync.readYourWrites([made.subject_id]);
    return made;
  }

  /** The worker of an event, locked; `null`: it is deleted, or the event is of something else. */
  private subjectOf(id: string, manager: EntityManager): Promise<WorkerEntity | null> {
    return manager
      .createQueryBuilder(WorkerEntity, 'worker')
      .where(
        `worker.id = (SELECT subject_id FROM ${this.schema}.event WHERE id = :id AND subject = 'worker')`,
        { id },
      )
      .setLock('pessimistic_write')
      .getOne();
  }

  private async run(id: string, force: boolean, caller: Caller): Promise<EventDto> {
    try {
      return await this.database.transaction(caller, async (manager) => {
        const was = await this.subjectOf(id, manager);
        const [undone]: { made: string | null }[] = await manager.query(
          `SELECT ${this.schema}.undo_event($1, $2) AS made`,
          [id, force],
        );
        const rows: EventDto[] = await manager.query(
          `SELECT ${SHOWN} FROM ${this.schema}.event WHERE id = $1`,
          [undone?.made],
        );
        if (rows[0] === undefined)
          throw new UndoRefusedError(`event ${id} cannot be undone: the values are as before it`);
        const now = was === null ? null : await this.subjectOf(id, manager);
        if (was !== null && now !== null) checkUndone(caller, was, now);
        return rows[0];
      });
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      if (error.code === NO_EVENT) throw new EventNotFoundError();
      if (REFUSALS.has(String(error.code))) throw new UndoRefusedError(error.message, error);
      throw error;
    }
  }
}

function asIs<Row>(row: Row): Row {
  return row;
}
