import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { HealthSettings } from '../config/settings.js';
import { HealthCheckDto } from '../registry/register-worker.dto.js';
import {
  isCallable,
  type HealthCheck,
  type Worker,
  type WorkerCall,
  type WorkerFault,
} from '../registry/worker.js';
import type { PlaceholderValues } from '../template/placeholders.js';
import type { HealthLimits } from './health-state.js';

/** What a probe does. */
export type ProbeTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly timeoutMs: number }
  | HttpTarget
  | InferenceTarget;

export interface HttpTarget {
  readonly kind: 'http';
  readonly url: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly timeoutMs: number;
  /** `null`: any below 500. */
  readonly expectedStatus: number | null;
  readonly bodyContains: string | null;
}

/** The worker's own call, with next to nothing to do. */
export interface InferenceTarget {
  readonly kind: 'inference';
  readonly call: WorkerCall;
  readonly values: Omit<PlaceholderValues, 'REQUEST_ID'>;
  readonly timeoutMs: number;
}

/** How one worker is probed and judged. */
export interface ProbePlan {
  readonly target: ProbeTarget;
  /** Workers with the same key are served by one probe; `null`: it is this worker's alone. */
  readonly sharedBy: string | null;
  /** Its owner's word; `null`: the settings decide. */
  readonly intervalMs: number | null;
  readonly limits: HealthLimits;
}

const DEFAULT_PATH = '/health';
const DEFAULT_PROMPT = 'ping';
/** An answer costs tokens, and takes as long as it takes. */
const INFERENCE_INTERVAL_MS = 60_000;
/** A probe ends while its lease is still held, or two replicas would probe one worker. */
const LEASE_SHARE = 0.9;

/** A fault is what makes it senseless to probe this worker: it can't be called, or its health_check was edited into nonsense. */
export function planProbe(worker: Worker, settings: HealthSettings): ProbePlan | WorkerFault {
  if (!isCallable(worker))
    return { fault: 'fault' in worker.call ? worker.call.fault : 'it cannot be called' };
  const check = worker.healthCheck;
  const problem = problemOf(check);
  if (problem !== null) return { fault: `the definition makes no sense: health_check${problem}` };

  const isInference = check.kind === 'inference';
  const longestMs = Math.floor(settings.leaseMs * LEASE_SHARE);
  const timeoutMs = Math.min(check.timeout_ms ?? (isInference ? longestMs : settings.timeoutMs), longestMs);
  const isShared = isDefault(check);
  return {
    target: targetOf(check, worker, timeoutMs),
    sharedBy: isShared ? `${worker.call.origin} ${timeoutMs}` : null,
    intervalMs: check.interval_ms ?? (isInference ? INFERENCE_INTERVAL_MS : null),
    limits: {
      failuresDown: check.failures_down ?? settings.failuresDown,
      successesUp: check.successes_up ?? settings.successesUp,
      isOwners: !isShared,
      servedMs: settings.servedMs,
      silenceMs: settings.silenceMs,
      warmingMs: settings.warmingMs,
    },
  };
}

type Callable = Worker & { readonly call: WorkerCall };

function targetOf(check: HealthCheck, worker: Callable, timeoutMs: number): ProbeTarget {
  const { origin } = worker.call;
  const kind = check.kind ?? 'http';
  if (kind === 'none') return { kind };
  if (kind === 'inference') {
    const values = smallest(worker, check.prompt ?? DEFAULT_PROMPT);
    return { kind, call: worker.call, values, timeoutMs };
  }
  if (kind === 'tcp') {
    const { hostname, port, protocol } = new URL(origin);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    return { kind, host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port), timeoutMs };
  }
  return {
    kind,
    url: origin + (check.path ?? DEFAULT_PATH),
    method: check.method ?? 'GET',
    timeoutMs,
    expectedStatus: check.expected_status ?? null,
    bodyContains: check.body_contains ?? null,
  };
}

/** A chat as short as chats can be. */
function smallest({ modelName, defaults }: Worker, prompt: string): InferenceTarget['values'] {
  return {
    USER_PROMPT: prompt,
    MODEL_NAME: modelName,
    MODEL_TEMPERATURE: defaults.temperature,
    MAX_TOKENS: 1,
    MESSAGES: [{ role: 'user', content: prompt }],
    HISTORY: [],
    INPUT: prompt,
    STREAM: false,
  };
}

/** Asks what every worker of that origin is asked; how often, and what follows from it, may differ. */
function isDefault({ kind, path, method, expected_status, body_contains }: HealthCheck): boolean {
  const own = [path, method, expected_status, body_contains];
  return (kind ?? 'http') === 'http' && own.every((value) => (value ?? null) === null);
}

/** The column can be edited by hand into any JSON at all. */
function problemOf(check: unknown): string | null {
  if (typeof check !== 'object' || check === null || Array.isArray(check)) return ' must be an object';
  const faults = validateSync(plainToInstance(HealthCheckDto, check), {
    whitelist: true,
    forbidNonWhitelisted: true,
  });
  const [fault] = faults;
  return fault === undefined ? null : `: ${Object.values(fault.constraints ?? {}).join(', ')}`;
}
