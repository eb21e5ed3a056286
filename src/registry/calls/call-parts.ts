import type { InputFault } from '../../input/input-errors.js';
import { type BodyTemplate, compileBody } from '../../template/body-template.js';
import { compileHeaders, type HeaderTemplate } from '../../template/header-template.js';
import type { JsonValue } from '../../template/json-value.js';
import { compileExtract, type Extract } from '../../template/response-extract.js';
import { compileStreamExtract, type StreamExtract } from '../../template/stream-extract.js';
import { compileUsageExtract, type UsageExtract } from '../../template/usage-extract.js';
import { compileSuccessWhen } from '../../template/success-when.js';
import { TemplateError } from '../../template/template-error.js';
import { compileUrl, type UrlTemplate } from '../../template/url-template.js';
import type { WorkerDefinition } from '../worker-fields.js';

/** Compiled one by one; `null` where the definition has none, or a faulty one. */
export interface CallParts {
  readonly url: UrlTemplate | null;
  readonly body: BodyTemplate | null;
  readonly headers: HeaderTemplate | null;
  readonly extract: Extract | null;
  readonly succeeded: ((answer: unknown) => boolean) | null;
  readonly stream: StreamExtract | null;
  readonly usage: UsageExtract | null;
  /** The first of each part. */
  readonly faults: readonly InputFault[];
}

type PartsDefinition = Pick<
  WorkerDefinition,
  | 'req_url_template'
  | 'req_param'
  | 'body'
  | 'body_format'
  | 'response_extract'
  | 'success_when'
  | 'stream_extract'
  | 'usage_extract'
>;

/** @param skip fields known to be faulty: what is made of them is left out */
export function compileParts(
  definition: PartsDefinition,
  header: Readonly<Record<string, string>>,
  skip: ReadonlySet<string> = new Set(),
): CallParts {
  const faults: InputFault[] = [];
  const attempt = <T>(fields: readonly (keyof PartsDefinition | 'header')[], compile: () => T): T | null => {
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
  // Events that tell of usage do it as whole answers do, unless something else is said.
  const ofEvents = usage_extract === null || usage === null ? {} : { usage: usage_extract };
  return {
    url: attempt(['req_url_template', 'req_param'], () => compileUrl(url, params ?? undefined)),
    body:
      body === null
        ? null
        : attempt(['body', 'body_format'], () => compileBody(body as JsonValue, definition.body_format)),
    headers: attempt(['header'], () => compileHeaders(header)),
    extract: attempt(['response_extract'], () => compileExtract(definition.response_extract)),
    stream:
      stream_extract === null
        ? null
        : attempt(['stream_extract'], () =>
            compileStreamExtract({ ...ofEvents, ...stream_extract }, 'stream_extract', success),
          ),
    usage,
    succeeded,
    faults,
  };
}
