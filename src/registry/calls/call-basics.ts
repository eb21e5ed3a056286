import type { InferenceSettings } from '../../config/settings.js';
import type { UpstreamTimeouts } from '../../upstream/timeouts.js';
import type { WorkerDefinition } from '../worker-fields.js';
import type { CallTimeouts } from '../worker.js';

export const OWN_HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'multi-model-manager' };

type Waits = Pick<WorkerDefinition, 'connect_ms' | 'first_byte_ms' | 'idle_ms' | 'total_ms'>;

export function ownTimeoutsOf(definition: Waits): CallTimeouts {
  return {
    connectMs: definition.connect_ms,
    firstByteMs: definition.first_byte_ms,
    idleMs: definition.idle_ms,
    totalMs: definition.total_ms,
  };
}

/** Answers that are not streamed send nothing until they are done: only a worker's own word bounds these waits. */
export function timeoutsOf(definition: Waits, waits: InferenceSettings): UpstreamTimeouts {
  return {
    connectMs: definition.connect_ms ?? waits.connectTimeoutMs,
    firstByteMs: definition.first_byte_ms,
    idleMs: definition.idle_ms,
    totalMs: definition.total_ms ?? waits.requestTimeoutMs,
  };
}

/** Of a stream. */
export function streamTimeoutsOf(definition: Waits, waits: InferenceSettings): UpstreamTimeouts {
  return {
    ...timeoutsOf(definition, waits),
    firstByteMs: definition.first_byte_ms ?? waits.firstByteTimeoutMs,
    idleMs: definition.idle_ms ?? waits.idleTimeoutMs,
  };
}

/** A worker's own word stands alone: of `headers` those it does not name itself, in whatever case. */
export function without(
  names: ReadonlySet<string>,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name)));
}
