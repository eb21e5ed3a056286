import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { HealthSettings } from '../config/settings.js';
import { HealthCheckDto } from '../registry/register-worker.dto.js';
import { isCallable, type HealthCheck, type Worker, type WorkerFault } from '../registry/worker.js';
import type { Thresholds } from './judge.js';

/** What a probe does. */
export type ProbeTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly timeoutMs: number }
  | HttpTarget;

export interface HttpTarget {
  readonly kind: 'http';
  readonly url: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly timeoutMs: number;
  /** `null`: any below 500. */
  readonly expectedStatus: number | null;
  readonly bodyContains: string | null;
}

/** How one worker is probed and judged. */
export interface ProbePlan {
  readonly target: ProbeTarget;
  /** Workers with the same key are served by one probe; `null`: it is this worker's alone. */
  readonly sharedBy: string | null;
  /** Its owner's word; `null`: the settings decide. */
  readonly intervalMs: number | null;
  readonly thresholds: Thresholds;
}

const DEFAULT_PATH = '/health';
/** A probe ends while its lease is still held, or two replicas would probe one worker. */
const LEASE_SHARE = 0.9;

/** A fault is what makes it senseless to probe this worker: it can't be called, or its health_check was edited into nonsense. */
export function planProbe(worker: Worker, settings: HealthSettings): ProbePlan | WorkerFault {
  if (!isCallable(worker))
    return { fault: 'fault' in worker.call ? worker.call.fault : 'it cannot be called' };
  const check = worker.healthCheck;
  const problem = problemOf(check);
  if (problem !== null) return { fault: `the definition makes no sense: health_check${problem}` };

  const timeoutMs = Math.min(
    check.timeout_ms ?? settings.timeoutMs,
    Math.floor(settings.leaseMs * LEASE_SHARE),
  );
  const target = targetOf(check, worker.call.origin, timeoutMs);
  return {
    target,
    sharedBy: isDefault(check) ? `${worker.call.origin} ${timeoutMs}` : null,
    intervalMs: check.interval_ms ?? null,
    thresholds: {
      failuresDown: check.failures_down ?? settings.failuresDown,
      successesUp: check.successes_up ?? settings.successesUp,
    },
  };
}

function targetOf(check: HealthCheck, origin: string, timeoutMs: number): ProbeTarget {
  const kind = check.kind ?? 'http';
  if (kind === 'none') return { kind };
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
