import { Injectable } from '@nestjs/common';
import { CredentialVault } from '../../credentials/credential-vault.js';
import { type CheckedDefinition, DefinitionCheck } from './definition-check.js';
import { OwnWrites } from '../live/registry-sync.js';
import type { OfflineWorkerDto, RegisterWorkerDto } from '../register-worker.dto.js';
import { NoSuchWorkerError, WorkerExistsError } from '../registry-errors.js';
import type { WorkerEntity } from '../worker.entity.js';
import { WorkerWriter } from '../worker-writer.js';

/** Workers come and go. When a call returns, this replica already sees the change; the others within a second. */
@Injectable()
export class RegistrationService {
  constructor(
    private readonly repository: WorkerWriter,
    private readonly ownWrites: OwnWrites,
    private readonly definitionCheck: DefinitionCheck,
    private readonly vault: CredentialVault,
  ) {}

  /** @throws InvalidInputError, WorkerExistsError, DatabaseUnavailableError */
  async register(dto: RegisterWorkerDto, actor: string): Promise<WorkerEntity> {
    const checked = await this.definitionCheck.check(dto);
    const { definition } = checked;
    const seal = (workerId: string) => this.seal(checked, workerId);
    const outcome = await this.repository.register({ definition, seal }, actor);
    if (outcome.kind === 'exists') throw new WorkerExistsError(definition, outcome.worker);
    await this.ownWrites.readYourWrites([outcome.row.id]);
    return outcome.row;
  }

  /** @throws NoSuchWorkerError, DatabaseUnavailableError */
  async takeOffline(dto: OfflineWorkerDto, actor: string): Promise<void> {
    const key = { modelName: dto.model_name, url: dto.req_url_template, name: dto.name };
    const ids = await this.repository.takeOffline(key, actor);
    if (ids.length === 0) throw new NoSuchWorkerError();
    await this.ownWrites.readYourWrites(ids);
  }

  private seal({ sensitive, call }: CheckedDefinition, workerId: string): string | null {
    if (Object.keys(sensitive).length === 0) return null;
    return this.vault.seal(sensitive, { workerId, origin: call.origin });
  }
}
