import { HealthSettings } from '../../config/settings.js';
import { isJsonObject } from '../../input/json.js';
import { readDto } from '../../input/read-dto.js';
import { HealthCheckDto } from '../../registry/register-worker.dto.js';
import {
  type ApiCall,
  isCallable,
  type HealthCheck,
  type Worker,
  type WorkerCall,
  type WorkerFault,
} from '../../registry/worker.js';
import type { HealthLimits } from '../evaluation/health-state.js';
import type { HttpTarget, ProbeTarget, SleepLook } from './probe-target.js';
import { smallestCall } from './inference-probe.js';
import { Injectable } from '@nestjs/common';

/** How one worker is probed and evaluated. */
export interface ProbePlan {
  readonly target: ProbeTarget;
  /** Workers with the same key are served by one probe; `null`: it is this worker's alone. */
  readonly sharedBy: string | null;
  /** The owner's setting; `null`: the settings of the service decide. */
  readonly intervalMs: number | null;
  readonly limits: HealthLimits;
}

const DEFAULT_PATH = '/health';
const DEFAULT_PROMPT = 'ping';

/** An answer costs tokens and time. */
const INFERENCE_INTERVAL_MS = 60_000;

/** A probe ends before its lease does, or two replicas would probe one worker. */
const LEASE_SHARE = 0.9;

/** A fault: the worker cannot be called, or its health_check is invalid. */
export function planProbe(worker: Worker, settings: HealthSettings): ProbePlan | WorkerFault {
  if (!isCallable(worker))
    return 'fault' in worker.call ? worker.call : { fault: 'the worker cannot be called', setting: null };
  const check = worker.healthCheck;
  const problem = problemOf(check);
  if (problem !== null) return { fault: `invalid definition: health_check${problem}`, setting: null };

  const isInference = check.kind === 'inference';
  const longestMs = Math.floor(settings.leaseMs * LEASE_SHARE);
  const timeoutMs = Math.min(check.timeout_ms ?? (isInference ? longestMs : settings.timeoutMs), longestMs);
  const isShared = isDefault(check);
  const asleepWhen = sleepLookOf(worker, timeoutMs);
  return {
    target: { ...targetOf(check, worker, timeoutMs), ...(asleepWhen === undefined ? {} : { asleepWhen }) },
    // Credentials belong to one worker, and so do the answers to them.
    sharedBy:
      isShared && check.waiting === undefined && asleepWhen === undefined && worker.call.kind === 'template'
        ? `${worker.call.origin} ${timeoutMs}`
        : null,
    intervalMs: check.interval_ms ?? (isInference ? INFERENCE_INTERVAL_MS : null),
    limits: {
      failuresDown: check.failures_down ?? settings.failuresDown,
      successesUp: check.successes_up ?? settings.successesUp,
      isOwners: !isShared,
      servedMs: settings.servedMs,
      reportMs: settings.reportMs,
      silenceMs: settings.silenceMs,
      warmingMs: settings.warmingMs,
    },
  };
}

/** It leaves the probe half of its time, though nothing answers it. */
function sleepLookOf({ call }: Callable, timeoutMs: number): SleepLook | undefined {
  const look = call.power?.asleepWhen ?? null;
  return look === null ? undefined : { look, timeoutMs: timeoutMs / 2 };
}

type Callable = Worker & { readonly call: WorkerCall };

function targetOf(check: HealthCheck, worker: Callable, timeoutMs: number): ProbeTarget {
  const { origin } = worker.call;
  const kind = check.kind ?? 'http';
  if (kind === 'none') return { kind };
  if (kind === 'inference') {
    const smallest = smallestCall(worker, worker.call, check.prompt ?? DEFAULT_PROMPT);
    // A worker that was registered before its task was checked.
    if (smallest === null)
      return worker.call.kind === 'api' ? modelsOf(worker, worker.call, {}, timeoutMs) : { kind: 'none' };
    return { kind, ...smallest, timeoutMs };
  }
  if (kind === 'tcp') {
    const { hostname, port, protocol } = new URL(origin);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    return { kind, host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port), timeoutMs };
  }
  if (worker.call.kind === 'api' && isDefault(check)) return modelsOf(worker, worker.call, check, timeoutMs);
  const headers = sentHeaders(worker.call);
  return {
    kind,
    ...(headers === undefined ? {} : { headers }),
    ...waitingOf(check, worker.call),
    url: origin + (check.path ?? DEFAULT_PATH),
    method: check.method ?? 'GET',
    timeoutMs,
    expectedStatus: check.expected_status ?? null,
    bodyContains: check.body_contains ?? null,
  };
}

/** Lists the models of a worker with a known API, with its own credentials. */
function modelsOf({ modelName }: Worker, call: ApiCall, check: HealthCheck, timeoutMs: number): HttpTarget {
  const { require_model: isRequired = false } = check;
  const model = call.upstreamModel ?? modelName;
  return {
    kind: 'http',
    url: call.origin + call.path('/models'),
    method: 'GET',
    timeoutMs,
    expectedStatus: null,
    bodyContains: null,
    headers: () => headersOf(call),
    listed: { model, isRequired },
    ...waitingOf(check, call),
  };
}

function waitingOf({ waiting }: HealthCheck, call: WorkerCall): Pick<HttpTarget, 'waiting'> {
  if (waiting === undefined) return {};
  const headers = sentHeaders(call);
  const { path, metric } = waiting;
  return { waiting: { url: call.origin + path, metric, ...(headers === undefined ? {} : { headers }) } };
}

/** Of a worker with a known API, the headers of requests: a proxy in front may take no others. */
function sentHeaders(call: WorkerCall): HttpTarget['headers'] {
  return call.kind === 'api' ? () => headersOf(call) : undefined;
}

/** @throws SecretMissingError */
function headersOf(call: ApiCall): Readonly<Record<string, string>> {
  return call.render({ method: 'GET', path: '/models', body: null, contentType: '', isStream: false }, {})
    .headers;
}

/** Whether the probe is the default one, which workers of an origin share; intervals and thresholds may differ. */
function isDefault({ kind, path, method, expected_status, body_contains }: HealthCheck): boolean {
  const own = [path, method, expected_status, body_contains];
  return (kind ?? 'http') === 'http' && own.every((value) => (value ?? null) === null);
}

/** The column may hold any JSON when it is edited by hand. */
function problemOf(check: unknown): string | null {
  if (!isJsonObject(check)) return ' must be an object';
  if (Object.keys(check).length === 0) return null;
  const [fault] = readDto(HealthCheckDto, check).faults;
  return fault === undefined ? null : `.${fault.field}: ${fault.problem}`;
}

/** A worker and how it is probed. */
export interface Planned {
  readonly worker: Worker;
  readonly plan: ProbePlan | WorkerFault;
}

/** Planned once for each worker object, which is replaced when the worker changes. */
@Injectable()
export class ProbePlans {
  private readonly made = new WeakMap<Worker, ProbePlan | WorkerFault>();

  constructor(private readonly settings: HealthSettings) {}

  of(worker: Worker): ProbePlan | WorkerFault {
    const known = this.made.get(worker);
    if (known !== undefined) return known;
    const plan = planProbe(worker, this.settings);
    this.made.set(worker, plan);
    return plan;
  }
}

/** Groups workers that share a probe: the same request to the same origin. */
export function groupByProbe<T extends Planned>(all: readonly T[]): readonly (readonly [T, ...T[]])[] {
  const shared = new Map<string, [T, ...T[]]>();
  const alone: (readonly [T, ...T[]])[] = [];
  for (const one of all) {
    const key = sharedBy(one);
    const together = key === null ? undefined : shared.get(key);
    if (together !== undefined) together.push(one);
    else if (key !== null) shared.set(key, [one]);
    else alone.push([one]);
  }
  return [...alone, ...shared.values()];
}

export function sharedBy({ plan }: Planned): string | null {
  return 'fault' in plan ? null : plan.sharedBy;
}
