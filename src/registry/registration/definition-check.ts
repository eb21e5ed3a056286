import { Injectable } from '@nestjs/common';
import { InferenceSettings } from '../../config/settings.js';
import { CredentialVault } from '../../credentials/credential-cipher.js';
import { type ClearParts, clearCredentials } from '../../credentials/clear-credentials.js';
import { splitHeaders } from '../../credentials/sensitive-headers.js';
import { WorkerSecrets } from '../../credentials/worker-secrets.js';
import { DEEPEST_JSON, isDeeperThan, isJsonObject } from '../../input/json.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import type { SecretLookup } from '../../template/placeholders.js';
import { ForbiddenUpstreamError } from '../../upstream/upstream-errors.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { hasSmallestRequest } from '../calls/smallest-request.js';
import { compileCall } from '../calls/worker-compiler.js';
import { profileFaults } from '../profiles/profile-faults.js';
import type { RegisterWorkerDto } from '../register-worker.dto.js';
import { originOfUrl, type PowerFields, powerPartsOf } from '../power/power.dto.js';
import { originsOf, sealedFor } from '../sealed-headers.js';
import { SEALED, splitSteps, unsealedFaults } from '../sealed-steps.js';
import type { WorkerCall } from '../worker.js';
import { definitionOf, type WorkerDefinition } from '../worker-fields.js';
import type { NewColumns } from '../worker-writer.js';
import { OwnAddress } from './own-address.js';

/** A definition that can be called. */
export interface CheckedDefinition {
  readonly definition: WorkerDefinition;
  /** Headers that may be stored sealed only. */
  readonly sensitive: Readonly<Record<string, string>>;
  readonly call: WorkerCall;
}

/** What of a definition, or of a change whose values are not checked yet, says where requests go. */
interface Addresses extends PowerFields {
  readonly req_url_template: string;
  readonly poll?: unknown;
}

interface CheckOptions {
  /** Whether it is going to be stored, and its credentials with it; true by default. */
  readonly stored?: boolean;
  /** The definition that is stored now: credentials that stand in it in clear text may stay. */
  readonly known?: ClearParts | null;
  /** Where its `${secret:NAME}` come from when it is called. */
  readonly secrets?: SecretLookup;
}

/** Finds every fault of a definition before anything is stored or called, and compiles it. */
@Injectable()
export class DefinitionCheck {
  constructor(
    private readonly vault: CredentialVault,
    private readonly workerSecrets: WorkerSecrets,
    private readonly guard: UpstreamGuard,
    private readonly ownAddress: OwnAddress,
    private readonly settings: InferenceSettings,
  ) {}

  /** @throws InvalidInputError with every fault */
  async check(dto: RegisterWorkerDto, options: CheckOptions = {}): Promise<CheckedDefinition> {
    return this.checkWith(await this.urlFaults(dto), dto, options);
  }

  /** `check` for code that cannot wait: they hold a row's lock and have called `urlFaults` before. @throws InvalidInputError */
  checkWith(
    urlFaults: readonly InputFault[],
    dto: RegisterWorkerDto,
    { stored = true, secrets, known = null }: CheckOptions = {},
  ): CheckedDefinition {
    const header = dto.header ?? {};
    const { plain, sensitive: ownSensitive } = splitHeaders(header);
    const steps = { poll: dto.poll ?? null, wake: dto.wake ?? null, sleep: dto.sleep ?? null };
    const split = splitSteps(steps);
    const sensitive = { ...ownSensitive, ...split.sensitive };
    const definition = { ...definitionOf(dto, plain), ...split.shown };
    const faults: InputFault[] = [];
    const origins = originsOf(definition.req_url_template, steps.poll) ?? '';
    const call = this.compile(
      { ...definition, ...steps },
      header,
      secrets === undefined ? (to) => this.workerSecrets.for(to) : () => secrets,
      faults,
    );
    faults.push(...this.forbiddenSecrets({ ...definition, header, ...steps }, origins));
    // A fault of the URL's syntax makes those of its address noise.
    if (!faults.some(({ field }) => field === 'req_url_template')) faults.push(...urlFaults);
    faults.push(...Object.keys(header).flatMap((name) => (header[name] === SEALED ? [onlyShown(name)] : [])));
    faults.push(...unsealedFaults(steps, NOT_STORED));
    if (stored && !this.vault.canSeal) {
      faults.push(...Object.keys(ownSensitive).map((name) => cannotBeSealed(`header.${name}`)));
      faults.push(...unsealedFaults(split.shown, CANNOT_BE_SEALED));
    }
    if (stored) faults.push(...clearTextFaults(definition, known));
    faults.push(...probeFaults(definition));
    const { protocol, profile } = definition;
    if (protocol !== 'template' && profile !== null) faults.push(...profileFaults(protocol, profile));
    if (call === null || faults.length > 0) throw new InvalidInputError(faults);
    return { definition, sensitive, call };
  }

  /** Secrets that may not be sent to where the worker is, or to where a request of wake or sleep goes. */
  private forbiddenSecrets(
    { wake, sleep, asleep_when, ...called }: Readonly<Record<string, unknown>>,
    origins: string,
  ): readonly InputFault[] {
    const own = origins.split(', ')[0] ?? '';
    const sent: readonly (readonly [value: unknown, field: string, to: string])[] = [
      ...Object.entries(called).map(([field, value]) => [value, field, origins] as const),
      ...powerPartsOf({ wake, sleep, asleep_when }).map(
        ([part, field, url]) => [part, field, originOfUrl(url) ?? own] as const,
      ),
    ];
    return sent.flatMap(([value, field, to]) =>
      [...new Set(secretNamesIn(value))].flatMap((name) => {
        const fault = this.workerSecrets.forbidden(name, to);
        return fault === null ? [] : [{ field, problem: fault.message }];
      }),
    );
  }

  /** Why no worker may live at this URL, or send its credentials to these origins; resolves their names. */
  async urlFaults({ req_url_template, poll, ...rest }: Addresses): Promise<readonly InputFault[]> {
    const origins = isJsonObject(poll) ? poll['origins'] : [];
    const listed = (Array.isArray(origins) ? origins : []) as readonly unknown[];
    const faults = await Promise.all([
      this.addressFaults('req_url_template', req_url_template),
      ...listed.map((each, at) =>
        // The check of the definition reports what is no origin at all.
        typeof each === 'string' && /^https?:/i.test(each) && URL.canParse(each)
          ? this.addressFaults(`poll.origins[${at}]`, each)
          : [],
      ),
      ...powerPartsOf(rest).map(([, field, url]) => {
        const origin = originOfUrl(url);
        return origin === null ? [] : this.addressFaults(field, origin);
      }),
    ]);
    return faults.flat();
  }

  private async addressFaults(field: string, url: string): Promise<readonly InputFault[]> {
    try {
      await this.guard.checkResolved(url);
    } catch (error) {
      if (!(error instanceof ForbiddenUpstreamError)) throw error;
      return [{ field, problem: error.message }];
    }
    if (!this.ownAddress.isOwn(url)) return [];
    const problem =
      'is the address of this service, which would call itself without end; give the inference server';
    return [{ field, problem }];
  }

  /** The columns of a worker with this definition, its credentials sealed for that id and origin. */
  columnsOf({ definition, sensitive, call }: CheckedDefinition, workerId: string): NewColumns {
    const hasNone = Object.keys(sensitive).length === 0;
    const origins = sealedFor(definition) ?? call.origin;
    const sealed = hasNone ? null : this.vault.seal(sensitive, { workerId, origins });
    return { ...definition, sealed_header: sealed };
  }

  private compile(
    definition: WorkerDefinition,
    header: Readonly<Record<string, string>>,
    secretsFor: (origins: string) => SecretLookup,
    faults: InputFault[],
  ): WorkerCall | null {
    try {
      return compileCall(definition, header, secretsFor, this.settings);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      faults.push(...error.details);
      return null;
    }
  }
}

function secretNamesIn(value: unknown): readonly string[] {
  // What is nested so deep is a fault of its own.
  const text = isDeeperThan(DEEPEST_JSON, value) ? '' : (JSON.stringify(value) ?? '');
  return [...text.matchAll(/\$\{secret:([A-Za-z0-9_.-]{1,100})\}/g)].map(([, name = '']) => name);
}

const NOT_STORED = `"${SEALED}" stands for a stored value, and this worker has none: give the value itself`;
const CANNOT_BE_SEALED =
  'may be a credential and cannot be stored encrypted: start the service with CREDENTIALS_KEYS, or refer to it as ${secret:NAME}';

function onlyShown(header: string): InputFault {
  return { field: `header.${header}`, problem: NOT_STORED };
}

function cannotBeSealed(field: string): InputFault {
  return { field, problem: CANNOT_BE_SEALED };
}

/** A probe by inference is a request of the worker's own task. */
function probeFaults({
  health_check: check,
  protocol,
  task,
  any_task: isAny,
}: WorkerDefinition): readonly InputFault[] {
  if (check?.kind !== 'inference' || hasSmallestRequest(protocol, isAny ? null : task)) return [];
  const problem = `must be http, tcp or none: no request of the task ${task} is small enough for a probe`;
  return [{ field: 'health_check.kind', problem }];
}

/** Values that anyone with access to the table, a backup or the API's lists could read. */
function clearTextFaults(definition: ClearParts, known: ClearParts | null): readonly InputFault[] {
  const before = known === null ? new Map<string, string>() : clearCredentials(known);
  const added = [...clearCredentials(definition)].filter(([field, value]) => before.get(field) !== value);
  return added.map(([field]) => ({
    field,
    problem:
      'may be a credential and would be stored in clear text: refer to it as ${secret:NAME}, or send it in header, whose values are stored encrypted',
  }));
}
