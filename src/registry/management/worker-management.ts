import { Injectable } from '@nestjs/common';
import { CredentialVault } from '../../credentials/credential-vault.js';
import { checkGeneration, type WantedGeneration } from '../../input/if-match.js';
import { API_ACTOR } from '../worker-writer.js';
import { DefinitionCheck } from '../registration/definition-check.js';
import { OwnWrites } from '../live/registry-sync.js';
import type { RegisterWorkerDto } from '../register-worker.dto.js';
import { WorkerDisabledError, WorkerNotFoundError } from '../registry-errors.js';
import type { WorkerEntity } from '../worker.entity.js';
import { ChangePlanner } from './change-planner.js';
import { checkPatch } from './change-planner.js';
import { type RowChange, WorkerEdits } from '../worker-writer.js';
import { WorkerQueries } from '../worker-queries.js';
import type { AdminState } from '../worker.js';

/** People and start-up scripts change workers. When a call returns, this replica already sees the change. */
@Injectable()
export class WorkerManagement {
  constructor(
    private readonly edits: WorkerEdits,
    private readonly directory: WorkerQueries,
    private readonly planner: ChangePlanner,
    private readonly definitionCheck: DefinitionCheck,
    private readonly vault: CredentialVault,
    private readonly ownWrites: OwnWrites,
  ) {}

  /**
   * Makes the worker be what is sent, and enabled, whether it was there before or not; but one that an operator switched off
   * stays off. @throws InvalidInputError, WorkerDisabledError, DatabaseUnavailableError
   */
  async apply(dto: RegisterWorkerDto): Promise<{ readonly isNew: boolean; readonly row: WorkerEntity }> {
    const urlFaults = await this.definitionCheck.urlFaults(dto.req_url_template);
    const key = { model_name: dto.model_name, req_url_template: dto.req_url_template, name: dto.name ?? '' };
    const applied = await this.edits.put(
      key,
      API_ACTOR,
      (workerId) => {
        const { definition, sensitive, call } = this.definitionCheck.checkAt(dto, urlFaults);
        const binding = { workerId, origin: call.origin };
        const sealed = Object.keys(sensitive).length === 0 ? null : this.vault.seal(sensitive, binding);
        return { ...definition, sealed_header: sealed };
      },
      (row) => {
        if (row.admin_state === 'disabled') throw new WorkerDisabledError(row);
        const { columns } = this.planner.replace(row, dto, urlFaults);
        return row.admin_state === 'enabled'
          ? { columns }
          : { columns: { ...columns, admin_state: 'enabled' } };
      },
    );
    await this.ownWrites.readYourWrites([applied.row.id]);
    return applied;
  }

  /** @throws InvalidInputError, PreconditionFailedError, WorkerNotFoundError, WorkerExistsError, DatabaseUnavailableError */
  async patch(id: string, sent: unknown, wanted: WantedGeneration): Promise<WorkerEntity> {
    const patch = checkPatch(sent);
    const before = await this.directory.get(id);
    checkGeneration(wanted, before.generation);
    // Names are looked up before the row is locked.
    const url = 'req_url_template' in patch ? patch['req_url_template'] : before.req_url_template;
    const urlFaults = typeof url === 'string' ? await this.definitionCheck.urlFaults(url) : [];
    return this.change(id, (row) => {
      checkGeneration(wanted, row.generation);
      return this.planner.patch(row, patch, urlFaults);
    });
  }

  /** @throws WorkerNotFoundError, DatabaseUnavailableError */
  switch(id: string, to: AdminSwitch): Promise<WorkerEntity> {
    return this.change(id, (row) => {
      const admin_state = switched(row.admin_state, to);
      const columns = admin_state === row.admin_state ? {} : { admin_state };
      return { columns, clearEjection: to === 'enable' };
    });
  }

  /** @throws PreconditionFailedError, WorkerNotFoundError, DatabaseUnavailableError */
  async forget(id: string, wanted: WantedGeneration): Promise<void> {
    const wasThere = await this.edits.forget(id, API_ACTOR, ({ generation }) =>
      checkGeneration(wanted, generation),
    );
    if (!wasThere) throw new WorkerNotFoundError();
    await this.ownWrites.readYourWrites([id]);
  }

  private async change(id: string, decide: (row: WorkerEntity) => RowChange): Promise<WorkerEntity> {
    const row = await this.edits.change(id, API_ACTOR, decide);
    if (row === undefined) throw new WorkerNotFoundError();
    await this.ownWrites.readYourWrites([row.id]);
    return row;
  }
}

/** The ON/OFF switch of a worker. */
export type AdminSwitch = 'enable' | 'disable' | 'drain' | 'offline';

/**
 * What a worker is after it. Draining takes out a worker that is in use: one that is disabled or offline gets no requests
 * already, and stays what it is.
 */
export function switched(state: AdminState, to: AdminSwitch): AdminState {
  switch (to) {
    case 'enable':
      return 'enabled';
    case 'disable':
      return 'disabled';
    case 'drain':
      return state === 'enabled' ? 'draining' : state;
    case 'offline':
      return 'offline';
  }
}
