import { Injectable } from '@nestjs/common';
import { InferenceSettings } from '../../config/settings.js';
import { CredentialVault } from '../../credentials/credential-vault.js';
import { CredentialsUnreadableError } from '../../credentials/credential-cipher.js';
import { WorkerSecrets } from '../../credentials/worker-secrets.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { readDto } from '../../input/read-dto.js';
import { ForbiddenUpstreamError } from '../../upstream/upstream-errors.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { RegisterWorkerDto } from '../register-worker.dto.js';
import type { Health, Worker, WorkerCall, WorkerFault } from '../worker.js';
import { shownOf, type ShownWorker } from '../worker-view.js';
import { taskOf } from '../worker-fields.js';
import type { WorkerEntity } from '../worker.entity.js';
import type { SecretLookup } from '../../template/placeholders.js';
import type { WorkerDefinition } from '../worker-definition.js';
import { compileApiCall } from './api-call.js';
import { compileTemplateCall } from './template-call.js';

export type WorkerRow = WorkerEntity & { readonly version: string };

/** Turns a row into what the hot path uses. A row that makes no sense becomes a worker with a fault, and harms no other. */
@Injectable()
export class WorkerCompiler {
  private readonly shown = new WeakMap<Worker, ShownWorker>();

  constructor(
    private readonly vault: CredentialVault,
    private readonly secrets: WorkerSecrets,
    private readonly guard: UpstreamGuard,
    private readonly waits: InferenceSettings,
  ) {}

  /** What its row showed, for lists while there is no database. */
  shownOf(worker: Worker): ShownWorker | undefined {
    return this.shown.get(worker);
  }

  /** The same worker in the health that this replica alone saw, until its row is looked at again: the version is no row's. */
  withHealth(worker: Worker, health: Health, reason: string): Worker {
    const believed = { ...worker, health, version: '' };
    const shown = this.shown.get(worker);
    if (shown !== undefined) {
      this.shown.set(believed, { ...shown, health, health_reason: reason, health_since: new Date() });
    }
    return believed;
  }

  compile(row: WorkerRow): Worker {
    const worker: Worker = {
      id: row.id,
      version: row.version,
      modelName: row.model_name,
      name: row.name,
      url: row.req_url_template,
      adminState: row.admin_state,
      adminStateSinceMs: Number(row.admin_state_since),
      health: row.health,
      weight: row.weight,
      priority: row.priority,
      maxConcurrency: row.max_concurrency,
      task: taskOf(row),
      defaults: row.defaults ?? {},
      onDisconnect: row.on_disconnect,
      healthCheck: row.health_check ?? {},
      generation: row.generation,
      createdAt: row.created_at,
      call: this.compileCall(row),
    };
    this.shown.set(worker, shownOf(row));
    return worker;
  }

  private compileCall(row: WorkerRow): WorkerCall | WorkerFault {
    try {
      checkShape(row);
      this.guard.checkUrl(row.req_url_template);
      const origin = new URL(row.req_url_template).origin;
      const sealed =
        row.sealed_header === null ? {} : this.vault.open(row.sealed_header, { workerId: row.id, origin });
      return compileCall(row, { ...row.header, ...sealed }, (name) => this.secrets.lookup(name), this.waits);
    } catch (error) {
      return { fault: faultOf(error) };
    }
  }
}

/** What a registration may not hold, a column edited by hand may not hold either. @throws InvalidInputError */
function checkShape(row: WorkerRow): void {
  const { req_param, header, success_when, defaults, health_check, labels, stream_extract, usage_extract } =
    row;
  const given = Object.entries({
    req_param,
    header,
    success_when,
    defaults,
    health_check,
    labels,
    stream_extract,
    usage_extract,
  });
  const sent = Object.fromEntries(given.filter(([, value]) => value !== null));
  const { faults } = readDto(RegisterWorkerDto, sent, 'given');
  if (faults.length > 0) throw new InvalidInputError(faults);
}

function faultOf(error: unknown): string {
  if (error instanceof CredentialsUnreadableError) return `credentials missing: ${error.message}`;
  if (error instanceof InvalidInputError) return `the definition makes no sense: ${error.message}`;
  if (error instanceof ForbiddenUpstreamError) return error.message;
  // Whatever else a row trips over, the row is what is wrong.
  return `the definition makes no sense: ${error instanceof Error ? error.message : String(error)}`;
}

/**
 * Compiles a definition, once. `header` holds all headers, the sealed ones opened.
 * @throws InvalidInputError with every fault, named by field
 */
export function compileCall(
  definition: WorkerDefinition,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  waits: InferenceSettings,
): WorkerCall {
  const { protocol } = definition;
  return protocol === 'template'
    ? compileTemplateCall(definition, header, secrets, waits)
    : compileApiCall(protocol, definition, header, secrets, waits);
}
