import type { InferenceSettings } from '../../config/settings.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { NO_VALUES, type SecretLookup } from '../../template/placeholders.js';
import { googleVendor } from '../profiles/google-rules.js';
import { profileOf } from '../profiles/profile.js';
import type { UrlTemplate } from '../../template/url-template.js';
import type { ApiCall, ApiProtocol } from '../worker.js';
import {
  type CallDefinition,
  compileParts,
  fixedHeaders,
  FORWARDED_HEADERS,
  OWN_HEADERS,
  ownTimeoutsOf,
  requiring,
  streamTimeoutsOf,
  timeoutsOf,
  withForwarded,
  without,
} from './call-parts.js';

const JSON_TYPE = 'application/json';

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
  const { profile, model_name, upstream_model } = definition;
  if (faults.length > 0 || url === null || headers === null) throw new InvalidInputError(faults);

  const own = without(headers.names, { ...OWN_HEADERS, ...API_HEADERS[protocol] });
  const setsType = headers.names.has('content-type');
  const setsForwarded = FORWARDED_HEADERS.some((name) => headers.names.has(name));
  const json = setsType ? {} : { 'content-type': JSON_TYPE };
  const model = upstream_model ?? model_name;
  // Secrets are read anew for each call; all else is rendered once.
  const pathOf = unlessSecret(url.secrets, () => lastOf(behindBase(url.render(NO_VALUES, secrets))));
  const rendered = () => ({ ...own, ...headers.render(NO_VALUES, secrets) });
  const fixed = unlessSecret(headers.secrets, () => fixedHeaders(rendered()));
  const fixedOfJson = unlessSecret(headers.secrets, () => fixedHeaders({ ...rendered(), ...json }));
  const timeouts = timeoutsOf(definition, settings);
  const streamTimeouts = streamTimeoutsOf(definition, settings);
  return {
    kind: 'api',
    protocol,
    origin: url.origin,
    ownTimeouts: ownTimeoutsOf(definition),
    upstreamModel: upstream_model,
    requireSecrets: requiring([url, headers], secrets),
    profile: profileOf(protocol, model, profile, vendorAt(protocol, url, model)),
    path: (ofEndpoint) =>
      behindBase(url.render(NO_VALUES, () => ''))(ofEndpoint)
        .split('?', 1)
        .join(),
    render: ({ method, path: ofEndpoint, body, contentType, isStream }, forwardedHeaders) => {
      const isJson = body !== null && contentType === JSON_TYPE;
      const forwarded = setsForwarded ? without(headers.names, { ...forwardedHeaders }) : forwardedHeaders;
      const all = withForwarded(isJson ? fixedOfJson() : fixed(), forwarded);
      if (body !== null && !isJson && !setsType) all['content-type'] = contentType;
      return {
        method,
        origin: url.origin,
        path: pathOf()(ofEndpoint),
        headers: all,
        body,
        timeouts: isStream ? streamTimeouts : timeouts,
      };
    },
  };
}

/** The vendor by the path of its base URL, where the registration names none. */
function vendorAt(protocol: ApiProtocol, url: UrlTemplate, model: string): string | undefined {
  if (protocol !== 'gemini') return undefined;
  const base = url.render(NO_VALUES, () => '');
  return googleVendor(base, model);
}

/** Renders once where no secret is mentioned. */
function unlessSecret<Rendered>(secrets: ReadonlySet<string>, render: () => Rendered): () => Rendered {
  if (secrets.size > 0) return render;
  const rendered = render();
  return () => rendered;
}

/** The base may end in a slash and may have a query, such as Azure's api-version. */
function behindBase(base: string): (path: string) => string {
  const query = base.indexOf('?');
  const [before, after] = query === -1 ? [base, ''] : [base.slice(0, query), base.slice(query)];
  const folder = before.replace(/\/$/, '');
  return (path) => {
    const [appended = '', ownQuery] = path.split('?', 2);
    const joined = folder + appended + after;
    return ownQuery === undefined ? joined : `${joined}${after === '' ? '?' : '&'}${ownQuery}`;
  };
}

/** Keeps the last result: most calls of a worker go to one endpoint. */
function lastOf(compute: (key: string) => string): (key: string) => string {
  let last: string | null = null;
  let result = '';
  return (key) => {
    if (key !== last) [last, result] = [key, compute(key)];
    return result;
  };
}
