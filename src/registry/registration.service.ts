import { Injectable } from '@nestjs/common';
import { InferenceSettings } from '../config/settings.js';
import { CredentialVault } from '../credentials/credential-vault.js';
import { splitHeaders } from '../credentials/sensitive-headers.js';
import { WorkerSecrets } from '../credentials/worker-secrets.js';
import { type InputFault, InvalidInputError } from '../input/invalid-input-error.js';
import { ForbiddenUpstreamError } from '../upstream/forbidden-upstream-error.js';
import { UpstreamGuard } from '../upstream/upstream-guard.js';
import { definitionOf } from './definition-of.js';
import { OwnAddress } from './own-address.js';
import type { OfflineWorkerDto, RegisterWorkerDto } from './register-worker.dto.js';
import { NoSuchWorkerError, WorkerExistsError } from './registration-errors.js';
import type { WorkerCall } from './worker.js';
import { compileCall } from './worker-call.js';
import type { WorkerDefinition } from './worker-definition.js';
import { WorkerRefresher } from './worker-refresher.js';
import { type Registration, WorkerRepository } from './worker.repository.js';

/** Workers come and go. When a call returns, this replica already sees the change; the others within a second. */
@Injectable()
export class RegistrationService {
  constructor(
    private readonly repository: WorkerRepository,
    private readonly refresher: WorkerRefresher,
    private readonly vault: CredentialVault,
    private readonly secrets: WorkerSecrets,
    private readonly guard: UpstreamGuard,
    private readonly ownAddress: OwnAddress,
    private readonly waits: InferenceSettings,
  ) {}

  /** @throws InvalidInputError, WorkerExistsError, DatabaseUnavailableError */
  async register(dto: RegisterWorkerDto, actor: string): Promise<void> {
    const registration = await this.check(dto);
    const outcome = await this.repository.register(registration, actor);
    if (outcome.kind === 'exists') {
      const { admin_state, admin_state_by, admin_state_since } = outcome.worker;
      throw new WorkerExistsError(
        dto.model_name,
        dto.req_url_template,
        admin_state,
        admin_state_by,
        admin_state_since,
      );
    }
    await this.refresher.reload([outcome.id]);
  }

  /** @throws NoSuchWorkerError, DatabaseUnavailableError */
  async takeOffline(dto: OfflineWorkerDto, actor: string): Promise<void> {
    const key = { modelName: dto.model_name, url: dto.req_url_template, name: dto.name };
    const ids = await this.repository.takeOffline(key, actor);
    if (ids.length === 0) throw new NoSuchWorkerError();
    await this.refresher.reload(ids);
  }

  /** Everything that can be told before anything is stored, all of it at once. */
  private async check(dto: RegisterWorkerDto): Promise<Registration> {
    const { plain, sensitive } = splitHeaders(dto.header ?? {});
    const definition = definitionOf(dto, plain);
    const faults: InputFault[] = [];
    const call = this.compile(definition, dto.header ?? {}, faults);
    // What is no URL at all was told already.
    if (!faults.some(({ field }) => field === 'req_url_template')) {
      faults.push(...(await this.urlFaults(dto.req_url_template)));
    }
    if (!this.vault.canSeal) faults.push(...Object.keys(sensitive).map(cannotBeSealed));
    if (call === null || faults.length > 0) throw new InvalidInputError(faults);
    return {
      definition,
      seal: (workerId) =>
        Object.keys(sensitive).length === 0
          ? null
          : this.vault.seal(sensitive, { workerId, origin: call.origin }),
    };
  }

  private compile(
    definition: WorkerDefinition,
    header: Readonly<Record<string, string>>,
    faults: InputFault[],
  ): WorkerCall | null {
    try {
      return compileCall(definition, header, (name) => this.secrets.lookup(name), this.waits);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      faults.push(...error.details);
      return null;
    }
  }

  private async urlFaults(url: string): Promise<readonly InputFault[]> {
    const field = 'req_url_template';
    try {
      await this.guard.checkResolved(url);
    } catch (error) {
      if (!(error instanceof ForbiddenUpstreamError)) throw error;
      return [{ field, problem: error.message }];
    }
    if (!this.ownAddress.isOwn(url)) return [];
    return [
      {
        field,
        problem: 'is this service itself, which would call itself for ever; name the inference server',
      },
    ];
  }
}

function cannotBeSealed(header: string): InputFault {
  return {
    field: `header.${header}`,
    problem:
      'may be a credential and cannot be stored encrypted: start the service with CREDENTIALS_KEYS, or refer to it as ${secret:NAME}',
  };
}
