import { Injectable } from '@nestjs/common';
import { InferenceSettings } from '../../config/settings.js';
import { CredentialsUnreadableError, CredentialVault } from '../../credentials/credential-cipher.js';
import { WorkerSecrets } from '../../credentials/worker-secrets.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { readDto } from '../../input/read-dto.js';
import type { SecretLookup } from '../../template/placeholders.js';
import { ForbiddenUpstreamError } from '../../upstream/upstream-errors.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { RegisterWorkerDto } from '../register-worker.dto.js';
import type { Health, Worker, WorkerCall, WorkerFault } from '../worker.js';
import { JSON_COLUMNS, taskOf, type WorkerDefinition } from '../worker-fields.js';
import type { PowerRow, WorkerRow } from '../worker-queries.js';
import { compilePower } from '../power/compile-power.js';
import { powerOrigins } from '../power/power.dto.js';
import type { Power } from '../power/power.js';
import { notReplaced, originsOf, sealedFor } from '../sealed-headers.js';
import { openSteps } from '../sealed-steps.js';
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

  /** The worker with a power that only this replica has seen, until its row is read again. */
  withPower(worker: Worker, power: Power): Worker {
    const changed = { ...worker, power, version: '' };
    const row = this.rows.get(worker);
    if (row !== undefined) this.rows.set(changed, row);
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
      power: row.power === null || row.power === undefined ? null : powerOf(row.power),
    };
    this.rows.set(worker, overviewRowOf(row));
    return worker;
  }

  private callOf(row: WorkerRow): WorkerCall | WorkerFault {
    try {
      checkShape(row);
      const elsewhere = [...(row.poll?.origins ?? []), ...powerOrigins(row)];
      for (const url of [row.req_url_template, ...elsewhere]) this.guard.checkUrl(url);
      const origins = sealedFor(row) ?? '';
      const sealed =
        row.sealed_header === null ? {} : this.vault.open(row.sealed_header, { workerId: row.id, origins });
      const hasSteps = row.poll !== null || row.wake !== null;
      return compileCall(
        hasSteps ? Object.assign({}, row, openSteps(row, sealed)) : row,
        { ...row.header, ...notReplaced(sealed, row.header) },
        (to) => this.secrets.for(to),
        this.settings,
      );
    } catch (error) {
      return faultOf(error);
    }
  }
}

/**
 * How a worker with this definition is called. `header` holds all headers, the sealed ones opened.
 * @param secretsFor the secrets of requests to these origins, as `originsOf` writes them
 * @throws InvalidInputError with every fault, named by field
 */
export function compileCall(
  definition: WorkerDefinition,
  header: Readonly<Record<string, string>>,
  secretsFor: (origins: string) => SecretLookup,
  settings: InferenceSettings,
): WorkerCall {
  const { protocol, req_url_template, poll } = definition;
  const secrets = secretsFor(originsOf(req_url_template, poll) ?? '');
  const faults: InputFault[] = [];
  const attempt = <Part>(compile: () => Part): Part | null => {
    try {
      return compile();
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      faults.push(...error.details);
      return null;
    }
  };
  const call = attempt(() =>
    protocol === 'template'
      ? compileTemplateCall(definition, header, secrets, settings)
      : compileApiCall(protocol, definition, header, secrets, settings),
  );
  const power = attempt(() => compilePower(definition, header, secretsFor));
  if (call === null || faults.length > 0) throw new InvalidInputError(faults);
  return power === null ? call : { ...call, power };
}

function powerOf(row: PowerRow): Power {
  return {
    state: row.state,
    sinceMs: row.since_ms,
    reason: row.reason,
    failures: row.failures,
    nextWakeAtMs: row.next_wake_at_ms,
    usualWakeMs: row.usual_wake_ms,
    isFallingAsleep: row.is_falling_asleep,
  };
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
