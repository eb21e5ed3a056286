import type { InferenceSettings } from '../../config/settings.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { NO_VALUES, type SecretLookup } from '../../template/placeholders.js';
import type { ApiCall, ApiProtocol } from '../worker.js';
import {
  type CallDefinition,
  compileParts,
  OWN_HEADERS,
  ownTimeoutsOf,
  streamTimeoutsOf,
  timeoutsOf,
  without,
} from './call-parts.js';

/** Headers that an API requires with every request, unless the worker's definition names them. */
const API_HEADERS: Readonly<Record<ApiProtocol, Readonly<Record<string, string>>>> = {
  openai: {},
  // The version that this service implements. https://platform.claude.com/docs/en/api/versioning
  anthropic: { 'anthropic-version': '2023-06-01' },
  gemini: {},
};

/** Fields of template workers: an API defines what they would say. */
const TEMPLATES_ONLY = [
  'body',
  'response_extract',
  'success_when',
  'stream_extract',
  'usage_extract',
  'poll',
  'choices',
] as const;

/**
 * Compiles the call of a worker with a known API, whose base URL is `req_url_template`. `header` holds all headers, the
 * sealed ones opened. Headers and `req_param` may refer to secrets, but not to anything in a request.
 * @throws InvalidInputError with every fault, named by field
 */
export function compileApiCall(
  protocol: ApiProtocol,
  definition: CallDefinition,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  settings: InferenceSettings,
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
      problem: `is used with protocol "template" only; leave it out with protocol "${protocol}"`,
    });
  }
  if (definition.req_type !== 'POST')
    faults.push({ field: 'req_type', problem: `must be POST with protocol "${protocol}"` });
  if (url !== null && url.placeholders.size > 0)
    faults.push({
      field: 'req_url_template',
      problem: `must hold no placeholders with protocol "${protocol}": it is the base, such as http://host:8000/v1`,
    });
  if (headers !== null && headers.placeholders.size > 0)
    faults.push({ field: 'header', problem: `must hold no placeholders with protocol "${protocol}"` });
  if (faults.length > 0 || url === null || headers === null) throw new InvalidInputError(faults);

  const always = { ...OWN_HEADERS, ...API_HEADERS[protocol] };
  const timeouts = timeoutsOf(definition, settings);
  const streamTimeouts = streamTimeoutsOf(definition, settings);
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
    render: ({ method, path, body, contentType, isStream }, forwardedHeaders) => {
      const ours = body === null ? always : { ...always, 'content-type': contentType };
      return {
        method,
        origin: url.origin,
        path: behindBase(url.render(NO_VALUES, secrets), path),
        headers: {
          ...without(headers.names, { ...ours, ...forwardedHeaders }),
          ...headers.render(NO_VALUES, secrets),
        },
        body,
        timeouts: isStream ? streamTimeouts : timeouts,
      };
    },
  };
}

/** The base may end in a slash and may have a query, such as Azure's api-version. */
function behindBase(base: string, path: string): string {
  const query = base.indexOf('?');
  const [before, after] = query === -1 ? [base, ''] : [base.slice(0, query), base.slice(query)];
  const [appended = '', ownQuery] = path.split('?', 2);
  const joined = before.replace(/\/$/, '') + appended + after;
  return ownQuery === undefined ? joined : `${joined}${after === '' ? '?' : '&'}${ownQuery}`;
}
