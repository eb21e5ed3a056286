import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import {
  checkJoins,
  checkOwns,
  checkSent,
  maySee,
  type Registered,
  registeredBy,
} from '../../access/worker-rights.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { WorkerCompiler } from '../calls/worker-compiler.js';
import { LiveWorkers, oldestFirst } from '../live/live-workers.js';
import { RegistrySync } from '../live/registry-sync.js';
import type { OfflineWorkerDto } from '../register-worker.dto.js';
import { NoSuchWorkerError, WorkerExistsError } from '../registry-errors.js';
import { WorkerQueries } from '../worker-queries.js';
import type { OverviewRow } from '../worker-view.js';
import { WorkerWriter } from '../worker-writer.js';
import type { WorkerEntity } from '../worker.entity.js';
import { DefinitionCheck } from './definition-check.js';
import { readRegistration } from './read-registration.js';

/** Registers workers and takes them offline. When a call returns, this replica shows the change; the others do within a second. */
@Injectable()
export class RegistrationService {
  constructor(
    private readonly definitionCheck: DefinitionCheck,
    private readonly writer: WorkerWriter,
    private readonly queries: WorkerQueries,
    private readonly sync: RegistrySync,
    private readonly live: LiveWorkers,
    private readonly compiler: WorkerCompiler,
  ) {}

  /**
   * Makes a new worker, or brings an offline one back with this definition.
   * @param sent as the client sent it, with or without a preset
   * @throws ForbiddenError, InvalidInputError, WorkerExistsError, DatabaseUnavailableError
   */
  async register(sent: unknown, caller: Caller): Promise<WorkerEntity> {
    checkSent(caller, sent);
    const registration = readRegistration(sent);
    checkJoins(caller, registration.model_name);
    const checked = await this.definitionCheck.check(registration);
    const { definition, call } = checked;
    const { row } = await this.writer.put(
      definition,
      caller,
      (id) => ({ ...this.definitionCheck.columnsOf(checked, id), ...registeredBy(caller) }),
      (existing) => {
        checkOwns(caller, existing);
        if (existing.admin_state !== 'offline') throw new WorkerExistsError(definition, existing);
        const columns = this.definitionCheck.columnsOf(checked, existing.id);
        return { columns: { ...columns, admin_state: 'enabled' } };
      },
    );
    await this.sync.readYourWrites([row.id], { id: row.id, version: row.version, call });
    return row;
  }

  /** Workers that are not offline and that the caller may see, oldest first; as last seen while the database is away. @throws DatabaseUnavailableError before the first load */
  async list<Column extends keyof OverviewRow>(
    caller: Caller,
    columns: readonly (Column | keyof Registered)[],
  ): Promise<readonly Pick<OverviewRow, Column | keyof Registered>[]> {
    const rows = await this.all(columns);
    return caller.role === 'registrar' ? rows.filter((row) => maySee(caller, row)) : rows;
  }

  private async all<Column extends keyof OverviewRow>(
    columns: readonly Column[],
  ): Promise<readonly Pick<OverviewRow, Column>[]> {
    try {
      return await this.queries.allLive(columns);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || this.live.lastLoadMs === null) throw error;
      return this.live
        .workers()
        .toSorted(oldestFirst)
        .flatMap((worker) => this.compiler.overviewRowOf(worker) ?? []);
    }
  }

  /** @throws ForbiddenError, NoSuchWorkerError, DatabaseUnavailableError */
  async takeOffline(dto: OfflineWorkerDto, caller: Caller): Promise<void> {
    const key = { modelName: dto.model_name, url: dto.req_url_template, name: dto.name };
    const ids = await this.writer.takeOffline(key, caller, (row) => checkOwns(caller, row));
    if (ids.length === 0) throw new NoSuchWorkerError();
    await this.sync.readYourWrites(ids);
  }
}
