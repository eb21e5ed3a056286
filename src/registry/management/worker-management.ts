import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { checkJoins, checkMoved, checkOwns, checkSent, registeredBy } from '../../access/worker-rights.js';
import { checkGeneration, type WantedGeneration } from '../../input/if-match.js';
import type { InputFault } from '../../input/input-errors.js';
import { isJsonObject } from '../../input/json.js';
import type { SecretLookup } from '../../template/placeholders.js';
import { type CompiledRow } from '../calls/worker-compiler.js';
import { RegistrySync } from '../live/registry-sync.js';
import { type CheckedDefinition, DefinitionCheck } from '../registration/definition-check.js';
import { readRegistration } from '../registration/read-registration.js';
import { WorkerDisabledError, WorkerNotFoundError } from '../registry-errors.js';
import type { AdminState, WorkerCall } from '../worker.js';
import { WorkerQueries } from '../worker-queries.js';
import { type RowChange, WorkerWriter } from '../worker-writer.js';
import type { WorkerEntity } from '../worker.entity.js';
import { ChangePlanner, checkPatch } from './change-planner.js';

/** The ON/OFF switch of a worker. */
export type AdminSwitch = 'enable' | 'disable' | 'drain' | 'offline';

/** Changes workers for operators and start-up scripts. When a call returns, this replica already shows the change. */
@Injectable()
export class WorkerManagement {
  constructor(
    private readonly writer: WorkerWriter,
    private readonly queries: WorkerQueries,
    private readonly planner: ChangePlanner,
    private readonly definitionCheck: DefinitionCheck,
    private readonly sync: RegistrySync,
  ) {}

  /**
   * Makes the worker equal to the registration, and enabled, whether it is new or not. A worker that an operator disabled
   * stays disabled. @throws ForbiddenError, InvalidInputError, WorkerDisabledError, DatabaseUnavailableError
   */
  async apply(
    sent: unknown,
    caller: Caller,
  ): Promise<{ readonly isNew: boolean; readonly row: WorkerEntity }> {
    checkSent(caller, sent);
    const registration = readRegistration(sent);
    checkJoins(caller, registration.model_name);
    const { model_name, req_url_template, name = '' } = registration;
    const urlFaults = await this.definitionCheck.urlFaults(registration);
    let made: WorkerCall | null = null;
    const { isNew, row } = await this.writer.put(
      { model_name, req_url_template, name },
      caller,
      (workerId) => {
        const checked = this.definitionCheck.checkWith(urlFaults, registration);
        made = checked.call;
        return { ...this.definitionCheck.columnsOf(checked, workerId), ...registeredBy(caller) };
      },
      (existing) => {
        checkOwns(caller, existing);
        checkMoved(caller, existing, registration);
        if (existing.admin_state === 'disabled') throw new WorkerDisabledError(existing);
        const { columns } = this.planner.replace(existing, registration, urlFaults);
        return existing.admin_state === 'enabled'
          ? { columns }
          : { columns: { ...columns, admin_state: 'enabled' } };
      },
    );
    const compiled: CompiledRow | undefined =
      isNew && made !== null ? { id: row.id, version: row.version, call: made } : undefined;
    await this.sync.readYourWrites([row.id], compiled);
    return { isNew, row };
  }

  /** @throws ForbiddenError, InvalidInputError, PreconditionFailedError, WorkerNotFoundError, WorkerExistsError, DatabaseUnavailableError */
  async patch(id: string, sent: unknown, wanted: WantedGeneration, caller: Caller): Promise<WorkerEntity> {
    checkSent(caller, sent);
    const patch = checkPatch(sent);
    const before = await this.queries.get(id);
    checkOwns(caller, before);
    checkGeneration(wanted, before.generation);
    // The URL's name is resolved before the row is locked.
    const urlFaults = await this.urlFaults(before, patch);
    return this.change(id, caller, (row) => {
      checkGeneration(wanted, row.generation);
      checkMoved(caller, row, patch);
      return this.planner.patch(row, patch, urlFaults);
    });
  }

  /**
   * A worker as a patch would make it, with its credentials; nothing changes.
   * @throws InvalidInputError, WorkerNotFoundError, DatabaseUnavailableError
   */
  async trial(id: string, sent: unknown, secrets: SecretLookup): Promise<CheckedDefinition> {
    const patch = checkPatch(sent);
    const row = await this.queries.get(id);
    return this.planner.trial(row, patch, await this.urlFaults(row, patch), secrets);
  }

  /** @param note why, for the history @throws ForbiddenError, WorkerNotFoundError, DatabaseUnavailableError */
  switch(id: string, to: AdminSwitch, caller: Caller, note?: string): Promise<WorkerEntity> {
    return this.change(id, caller, (row) => {
      const admin_state = switched(row.admin_state, to);
      const columns = admin_state === row.admin_state ? {} : { admin_state };
      return { columns, clearEjection: to === 'enable', note };
    });
  }

  /** @throws ForbiddenError, PreconditionFailedError, WorkerNotFoundError, DatabaseUnavailableError */
  async delete(id: string, wanted: WantedGeneration, caller: Caller): Promise<void> {
    const wasThere = await this.writer.delete(id, caller, (row) => {
      checkOwns(caller, row);
      checkGeneration(wanted, row.generation);
    });
    if (!wasThere) throw new WorkerNotFoundError();
    await this.sync.readYourWrites([id]);
  }

  private async urlFaults(
    row: WorkerEntity,
    patch: Readonly<Record<string, unknown>>,
  ): Promise<readonly InputFault[]> {
    const url = 'req_url_template' in patch ? patch['req_url_template'] : row.req_url_template;
    if (typeof url !== 'string') return [];
    const merged = (field: 'poll' | 'wake' | 'sleep' | 'asleep_when'): unknown =>
      isJsonObject(patch[field]) ? { ...row[field], ...patch[field] } : row[field];
    return this.definitionCheck.urlFaults({
      req_url_template: url,
      poll: merged('poll'),
      wake: merged('wake'),
      sleep: merged('sleep'),
      asleep_when: merged('asleep_when'),
    });
  }

  private async change(
    id: string,
    caller: Caller,
    decide: (row: WorkerEntity) => RowChange,
  ): Promise<WorkerEntity> {
    const row = await this.writer.change(id, caller, (before) => {
      checkOwns(caller, before);
      return decide(before);
    });
    if (row === undefined) throw new WorkerNotFoundError();
    await this.sync.readYourWrites([row.id]);
    return row;
  }
}

/** Draining is for a worker in use: a disabled or offline worker gets no requests already, and stays as it is. */
function switched(state: AdminState, to: AdminSwitch): AdminState {
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
