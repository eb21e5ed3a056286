import type { InferenceSettings } from '../../config/settings.js';
import type { InputFault } from '../../input/input-errors.js';
import {
  type BodyTemplate,
  compileBody,
  compileMultipart,
  type MultipartTemplate,
} from '../../template/body-template.js';
import { compileHeaders, type HeaderTemplate } from '../../template/header-template.js';
import type { SecretLookup } from '../../template/placeholders.js';
import type { JsonValue } from '../../input/json.js';
import { compileExtract, type Extract } from '../../template/response-extract.js';
import { compileStreamExtract, type StreamExtract } from '../../template/stream-extract.js';
import { compileSuccessWhen } from '../../template/success-when.js';
import { TemplateError } from '../../template/template-error.js';
import { compileUrl, type UrlTemplate } from '../../template/url-template.js';
import { compileUsageExtract, type UsageExtract } from '../../template/usage-extract.js';
import type { UpstreamTimeouts } from '../../upstream/timeouts.js';
import type { CallTimeouts, ForwardedHeaders } from '../worker.js';
import type { WorkerDefinition } from '../worker-fields.js';

/** The part of a definition that says how its worker is called. */
export type CallDefinition = Pick<
  WorkerDefinition,
  | 'model_name'
  | 'req_url_template'
  | 'req_type'
  | 'req_param'
  | 'body'
  | 'body_format'
  | 'response_extract'
  | 'success_when'
  | 'is_stream'
  | 'upstream_model'
  | 'stream_extract'
  | 'usage_extract'
  | 'poll'
  | 'choices'
  | 'profile'
  | 'defaults'
  | 'health_check'
  | 'connect_ms'
  | 'first_byte_ms'
  | 'idle_ms'
  | 'total_ms'
>;

/** Compiled one by one; `null`: the definition has none, or a faulty one. */
export interface CallParts {
  readonly url: UrlTemplate | null;
  readonly body: BodyTemplate | MultipartTemplate | null;
  readonly headers: HeaderTemplate | null;
  readonly extract: Extract | null;
  readonly succeeded: ((answer: unknown) => boolean) | null;
  readonly stream: StreamExtract | null;
  readonly usage: UsageExtract | null;
  /** The first fault of each part. */
  readonly faults: readonly InputFault[];
}

/** @param skip fields with faults that are known already: parts that need them are left out */
export function compileParts(
  definition: CallDefinition,
  header: Readonly<Record<string, string>>,
  skip: ReadonlySet<string> = new Set(),
): CallParts {
  const faults: InputFault[] = [];
  const attempt = <T>(fields: readonly (keyof CallDefinition | 'header')[], compile: () => T): T | null => {
    if (fields.some((field) => skip.has(field))) return null;
    try {
      return compile();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      faults.push({ field: error.field, problem: error.problem });
      return null;
    }
  };
  const { req_url_template: url, req_param: params, body, success_when: rule } = definition;
  const { stream_extract, usage_extract } = definition;
  const usage =
    usage_extract === null ? null : attempt(['usage_extract'], () => compileUsageExtract(usage_extract));
  const succeeded = rule === null ? null : attempt(['success_when'], () => compileSuccessWhen(rule));
  const success = succeeded === null ? null : rule;
  // Events report usage as whole answers do, unless stream_extract says otherwise.
  const usageOfEvents = usage_extract === null || usage === null ? {} : { usage: usage_extract };
  return {
    url: attempt(['req_url_template', 'req_param'], () => compileUrl(url, params ?? undefined)),
    body:
      body === null
        ? null
        : attempt(['body', 'body_format'], () => bodyOf(body as JsonValue, definition.body_format)),
    headers: attempt(['header'], () => compileHeaders(header)),
    extract: attempt(['response_extract'], () => compileExtract(definition.response_extract)),
    stream:
      stream_extract === null
        ? null
        : attempt(['stream_extract'], () =>
            compileStreamExtract({ ...usageOfEvents, ...stream_extract }, 'stream_extract', success),
          ),
    usage,
    succeeded,
    faults,
  };
}

function bodyOf(body: JsonValue, format: CallDefinition['body_format']): BodyTemplate | MultipartTemplate {
  return format === 'multipart' ? compileMultipart(body) : compileBody(body, format);
}

/** Headers that this service sends unless the worker's definition names them. */
export const OWN_HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'multi-model-manager' };

/** The client's headers that are forwarded, in lower case. */
export const FORWARDED_HEADERS = ['x-request-id', 'traceparent'];

type Headers = Readonly<Record<string, string>>;

/** The headers that all calls of a worker have. */
export interface FixedHeaders {
  readonly alone: Headers;
  /** The same with a place for the id of the request. */
  readonly placed: Headers;
}

export function fixedHeaders(headers: Headers): FixedHeaders {
  return { alone: headers, placed: { ...headers, 'x-request-id': '' } };
}

/**
 * The headers of one call. The id gets a place that the copy has already: V8 makes a new shape for each copy that a field is
 * added to, which took ten times as long as the copy (2.1 µs and 0.2 µs).
 */
export function withForwarded(
  { alone, placed }: FixedHeaders,
  forwarded: ForwardedHeaders,
): Record<string, string> {
  const id = forwarded['x-request-id'];
  const all: Record<string, string> = { ...(id === undefined ? alone : placed) };
  if (id !== undefined) all['x-request-id'] = id;
  if (forwarded.traceparent !== undefined) all['traceparent'] = forwarded.traceparent;
  return all;
}

/** The headers that the worker's definition does not name itself. `names` and the keys are in lower case. */
export function without(
  names: ReadonlySet<string>,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name)));
}

/** For `requireSecrets` of a call that these make. */
export function requiring(
  parts: readonly ({ readonly secrets: ReadonlySet<string> } | null)[],
  secrets: SecretLookup,
): () => void {
  const names = new Set(parts.flatMap((part) => [...(part?.secrets ?? [])]));
  return () => {
    for (const name of names) secrets(name);
  };
}

export function ownTimeoutsOf(definition: CallDefinition): CallTimeouts {
  return {
    connectMs: definition.connect_ms,
    firstByteMs: definition.first_byte_ms,
    idleMs: definition.idle_ms,
    totalMs: definition.total_ms,
  };
}

/** For whole answers. They send nothing until they are complete, so only the worker's own settings bound the silence before. */
export function timeoutsOf(definition: CallDefinition, settings: InferenceSettings): UpstreamTimeouts {
  return {
    connectMs: definition.connect_ms ?? settings.connectTimeoutMs,
    firstByteMs: definition.first_byte_ms,
    idleMs: definition.idle_ms,
    totalMs: definition.total_ms ?? settings.requestTimeoutMs,
  };
}

/** For streams. */
export function streamTimeoutsOf(definition: CallDefinition, settings: InferenceSettings): UpstreamTimeouts {
  return {
    ...timeoutsOf(definition, settings),
    firstByteMs: definition.first_byte_ms ?? settings.firstByteTimeoutMs,
    idleMs: definition.idle_ms ?? settings.idleTimeoutMs,
  };
}
