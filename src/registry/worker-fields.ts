import { isJsonObject } from '../input/json.js';
import type { RegisterWorkerDto } from './register-worker.dto.js';
import type { WorkerDefinition } from './worker-definition.js';
import type { WorkerEntity } from './worker.entity.js';
import type { WorkerProtocol, WorkerTask } from './worker.js';

/** A registration as columns, defaults filled in. `plainHeaders` are those that may be stored readable. */
export function definitionOf(
  dto: RegisterWorkerDto,
  plainHeaders: Readonly<Record<string, string>>,
): WorkerDefinition {
  return {
    model_name: dto.model_name,
    name: dto.name ?? '',
    req_url_template: dto.req_url_template,
    owner: dto.owner ?? '',
    protocol: dto.protocol ?? 'template',
    task: dto.task ?? 'chat',
    any_task: (dto.task ?? null) === null && PASSED_THROUGH.has(dto.protocol ?? 'template'),
    worker_type: dto.worker_type ?? 'REMOTE',
    req_type: dto.req_type ?? 'POST',
    body: dto.body ?? null,
    body_format: dto.body_format ?? 'json',
    req_param: dto.req_param ?? null,
    header: Object.keys(plainHeaders).length === 0 ? null : { ...plainHeaders },
    response_extract: dto.response_extract ?? '',
    success_when: dto.success_when ?? null,
    is_stream: dto.is_stream ?? false,
    defaults: given(dto.defaults),
    weight: dto.weight ?? 1,
    priority: dto.priority ?? 0,
    max_concurrency: dto.max_concurrency ?? 64,
    labels: dto.labels ?? {},
    connect_ms: dto.timeouts?.connect_ms ?? null,
    first_byte_ms: dto.timeouts?.first_byte_ms ?? null,
    idle_ms: dto.timeouts?.idle_ms ?? null,
    total_ms: dto.timeouts?.total_ms ?? null,
    on_disconnect: dto.on_disconnect ?? 'abort',
    heartbeat_ttl_s: dto.heartbeat_ttl_s ?? null,
    upstream_model: dto.upstream_model ?? null,
    stream_extract: streamExtractOf(dto.stream_extract),
    usage_extract: given(dto.usage_extract),
    health_check: given(dto.health_check),
  };
}

/** Protocols that clients speak, too: their requests are passed through, and the worker knows best what it can do. */
const PASSED_THROUGH: ReadonlySet<WorkerProtocol> = new Set(['openai', 'anthropic']);

/** `null`: whatever the worker's API offers. */
export function taskOf({
  task,
  any_task: isAny,
}: Pick<WorkerEntity, 'task' | 'any_task'>): WorkerTask | null {
  return isAny ? null : task;
}

/** A `null` that ends an answer is a value like any other. */
function streamExtractOf(
  spec: RegisterWorkerDto['stream_extract'],
): Given<NonNullable<RegisterWorkerDto['stream_extract']>> | null {
  const kept = given(spec);
  if (kept?.done?.path === undefined || spec?.done?.equals !== null) return kept;
  return { ...kept, done: { path: kept.done.path, equals: null } };
}

/** What was given of an object of options; `null` for nothing, in whatever words. */
function given<Options extends object>(options: Options | null | undefined): Given<Options> | null {
  const entries = Object.entries(options ?? {})
    .map(([name, value]): [string, unknown] => [name, isJsonObject(value) ? given(value) : value])
    .filter(([, value]) => value !== null && value !== undefined);
  return entries.length === 0 ? null : (Object.fromEntries(entries) as Given<Options>);
}

type Given<Options> = { [Key in keyof Options]: Exclude<Options[Key], undefined> };
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
  const sent = row.any_task ? AS_SENT.filter((field) => field !== 'task') : AS_SENT;
  return { ...present(row, sent), timeouts: present(row, TIMEOUTS) };
}

function present<Key extends keyof WorkerEntity>(row: WorkerEntity, keys: readonly Key[]) {
  return Object.fromEntries(keys.flatMap((key) => (row[key] === null ? [] : [[key, row[key]]])));
}
