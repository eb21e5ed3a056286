import { Injectable } from '@nestjs/common';
import { InferenceSettings } from '../../config/settings.js';
import { CredentialsUnreadableError, CredentialVault } from '../../credentials/credential-cipher.js';
import { WorkerSecrets } from '../../credentials/worker-secrets.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { readDto } from '../../input/read-dto.js';
import type { SecretLookup } from '../../template/placeholders.js';
import { ForbiddenUpstreamError } from '../../upstream/upstream-errors.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { RegisterWorkerDto } from '../register-worker.dto.js';
import type { Health, Worker, WorkerCall, WorkerFault } from '../worker.js';
import { JSON_COLUMNS, taskOf, type WorkerDefinition } from '../worker-fields.js';
import type { WorkerRow } from '../worker-queries.js';
import { notReplaced, originsOf } from '../sealed-headers.js';
import { openPoll } from '../sealed-poll.js';
import { type OverviewRow, overviewRowOf } from '../worker-view.js';
import { compileApiCall } from './api-call.js';
import { compileTemplateCall } from './template-call.js';

/** A row whose call was compiled before it was written. */
export interface CompiledRow {
  readonly id: string;
  readonly version: string;
  readonly call: WorkerCall;
}

/** Turns a row into what the hot path uses. A row with an invalid definition becomes a worker with a fault and harms no other. */
@Injectable()
export class WorkerCompiler {
  private readonly rows = new WeakMap<Worker, OverviewRow>();

  constructor(
    private readonly vault: CredentialVault,
    private readonly secrets: WorkerSecrets,
    private readonly guard: UpstreamGuard,
    private readonly settings: InferenceSettings,
  ) {}

  /** What the worker's row shows in lists while there is no database. */
  overviewRowOf(worker: Worker): OverviewRow | undefined {
    return this.rows.get(worker);
  }

  /** The worker with a health that only this replica has observed. It lasts until the row is read again: no row has its version. */
  withHealth(worker: Worker, health: Health, reason: string): Worker {
    const changed = { ...worker, health, healthReason: reason, version: '' };
    const row = this.rows.get(worker);
    if (row !== undefined)
      this.rows.set(changed, { ...row, health, health_reason: reason, health_since: new Date() });
    return changed;
  }

  /** @param known of a row that was written a moment ago, its call */
  compile(row: WorkerRow, known?: CompiledRow): Worker {
    const isKnown = known?.id === row.id && known.version === row.version;
    const worker: Worker = {
      id: row.id,
      version: row.version,
      modelName: row.model_name,
      name: row.name,
      url: row.req_url_template,
      adminState: row.admin_state,
      adminStateSinceMs: Number(row.admin_state_since),
      health: row.health,
      healthReason: row.health_reason,
      weight: row.weight,
      priority: row.priority,
      maxConcurrency: row.max_concurrency,
      task: taskOf(row),
      defaults: row.defaults ?? {},
      onDisconnect: row.on_disconnect,
      healthCheck: row.health_check ?? {},
      generation: row.generation,
      createdAt: row.created_at,
      call: isKnown ? known.call : this.callOf(row),
    };
    this.rows.set(worker, overviewRowOf(row));
    return worker;
  }

  private callOf(row: WorkerRow): WorkerCall | WorkerFault {
    try {
      checkShape(row);
      for (const url of [row.req_url_template, ...(row.poll?.origins ?? [])]) this.guard.checkUrl(url);
      const origins = originsOf(row.req_url_template, row.poll) ?? '';
      const sealed =
        row.sealed_header === null ? {} : this.vault.open(row.sealed_header, { workerId: row.id, origins });
      return compileCall(
        row.poll === null ? row : Object.assign({}, row, { poll: openPoll(row.poll, sealed) }),
        { ...row.header, ...notReplaced(sealed, row.header) },
        this.secrets.for(origins),
        this.settings,
      );
    } catch (error) {
      return faultOf(error);
    }
  }
}

/**
 * How a worker with this definition is called. `header` holds all headers, the sealed ones opened.
 * @throws InvalidInputError with every fault, named by field
 */
export function compileCall(
  definition: WorkerDefinition,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  settings: InferenceSettings,
): WorkerCall {
  const { protocol } = definition;
  return protocol === 'template'
    ? compileTemplateCall(definition, header, secrets, settings)
    : compileApiCall(protocol, definition, header, secrets, settings);
}

/** A JSON column edited by hand must hold what a registration may hold. @throws InvalidInputError */
function checkShape(row: WorkerRow): void {
  const held = JSON_COLUMNS.flatMap((column) => (row[column] === null ? [] : [[column, row[column]]]));
  const { faults } = readDto(RegisterWorkerDto, Object.fromEntries(held) as object, 'sent');
  if (faults.length > 0) throw new InvalidInputError(faults);
}

function faultOf(error: unknown): WorkerFault {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ForbiddenUpstreamError) return { fault: message, setting: 'addresses' };
  if (error instanceof CredentialsUnreadableError)
    return { fault: `credentials missing: ${message}`, setting: error.isKeyMissing ? 'keys' : null };
  // Whatever else fails, the row causes it.
  return { fault: `invalid definition: ${message}`, setting: null };
}
