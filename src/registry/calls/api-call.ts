import type { InferenceSettings } from '../../config/settings.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { NO_VALUES, type SecretLookup } from '../../template/placeholders.js';
import { compileParts } from './call-parts.js';
import { ownTimeoutsOf, OWN_HEADERS, streamTimeoutsOf, timeoutsOf, without } from './call-basics.js';
import type { ApiCall, ApiProtocol } from '../worker.js';
import type { WorkerDefinition } from '../worker-fields.js';

/** What an API wants to hear with every request, where the worker does not say it itself. */
const API_HEADERS: Readonly<Record<ApiProtocol, Readonly<Record<string, string>>>> = {
  openai: {},
  // The version that is spoken here. https://platform.claude.com/docs/en/api/versioning
  anthropic: { 'anthropic-version': '2023-06-01' },
  gemini: {},
};

/** Of a template only: what these would say, the protocol says already. */
const TEMPLATES_ONLY = [
  'body',
  'response_extract',
  'success_when',
  'stream_extract',
  'usage_extract',
] as const;

type Callable = Pick<
  WorkerDefinition,
  | 'req_url_template'
  | 'req_type'
  | 'req_param'
  | 'body'
  | 'body_format'
  | 'response_extract'
  | 'success_when'
  | 'stream_extract'
  | 'usage_extract'
  | 'upstream_model'
  | 'connect_ms'
  | 'first_byte_ms'
  | 'idle_ms'
  | 'total_ms'
>;

/**
 * Compiles a worker that speaks a known API, at the base `req_url_template`. `header` holds all headers, the sealed ones
 * opened; they and `req_param` may refer to secrets, and to nothing of a request.
 * @throws InvalidInputError with every fault, named by field
 */
export function compileApiCall(
  protocol: ApiProtocol,
  definition: Callable,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  waits: InferenceSettings,
): ApiCall {
  const { url, headers, ...parts } = compileParts(
    { ...definition, body: null, response_extract: '', success_when: null },
    header,
  );
  const faults: InputFault[] = [...parts.faults];
  for (const field of TEMPLATES_ONLY) {
    if (definition[field] === null || definition[field] === '') continue;
    faults.push({
      field,
      problem: `is for protocol "template"; "${protocol}" says it already: leave it out`,
    });
  }
  if (definition.req_type !== 'POST')
    faults.push({ field: 'req_type', problem: `must be POST, or be left out, with protocol "${protocol}"` });
  if (url !== null && url.placeholders.size > 0)
    faults.push({
      field: 'req_url_template',
      problem: `must hold no placeholders with protocol "${protocol}": it is the base, such as http://host:8000/v1`,
    });
  if (headers !== null && headers.placeholders.size > 0)
    faults.push({ field: 'header', problem: `must hold no placeholders with protocol "${protocol}"` });
  if (faults.length > 0 || url === null || headers === null) throw new InvalidInputError(faults);

  const always = { ...OWN_HEADERS, ...API_HEADERS[protocol] };
  const timeouts = timeoutsOf(definition, waits);
  const streamTimeouts = streamTimeoutsOf(definition, waits);
  return {
    kind: 'api',
    protocol,
    origin: url.origin,
    ownTimeouts: ownTimeoutsOf(definition),
    upstreamModel: definition.upstream_model,
    path: (path) =>
      behindBase(
        url.render(NO_VALUES, () => ''),
        path,
      )
        .split('?', 1)
        .join(),
    render: ({ method, path, body, contentType, isStream }, passedOn) => {
      const ours = body === null ? always : { ...always, 'content-type': contentType };
      return {
        method,
        origin: url.origin,
        path: behindBase(url.render(NO_VALUES, secrets), path),
        headers: {
          ...without(headers.names, { ...ours, ...passedOn }),
          ...headers.render(NO_VALUES, secrets),
        },
        body,
        timeouts: isStream ? streamTimeouts : timeouts,
      };
    },
  };
}

/** The base may end in a slash, and may carry a query, such as Azure's api-version. */
function behindBase(base: string, path: string): string {
  const query = base.indexOf('?');
  const [before, after] = query === -1 ? [base, ''] : [base.slice(0, query), base.slice(query)];
  const [own = '', its] = path.split('?', 2);
  const joined = before.replace(/\/$/, '') + own + after;
  return its === undefined ? joined : `${joined}${after === '' ? '?' : '&'}${its}`;
}
