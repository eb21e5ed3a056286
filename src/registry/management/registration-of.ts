import type { WorkerEntity } from '../worker.entity.js';

const AS_SENT = [
  'model_name',
  'name',
  'req_url_template',
  'owner',
  'protocol',
  'task',
  'worker_type',
  'req_type',
  'body',
  'body_format',
  'req_param',
  'response_extract',
  'success_when',
  'is_stream',
  'defaults',
  'weight',
  'priority',
  'max_concurrency',
  'labels',
  'on_disconnect',
  'heartbeat_ttl_s',
  'upstream_model',
  'stream_extract',
  'usage_extract',
  'health_check',
] as const satisfies readonly (keyof WorkerEntity)[];

const TIMEOUTS = ['connect_ms', 'first_byte_ms', 'idle_ms', 'total_ms'] as const;

/** A row as the registration that would make it, without its headers; what has no value is left out. */
export function registrationOf(row: WorkerEntity): Readonly<Record<string, unknown>> {
  return { ...present(row, AS_SENT), timeouts: present(row, TIMEOUTS) };
}

function present<Key extends keyof WorkerEntity>(row: WorkerEntity, keys: readonly Key[]) {
  return Object.fromEntries(keys.flatMap((key) => (row[key] === null ? [] : [[key, row[key]]])));
}
