import type { InferenceSettings } from '../../config/settings.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { compileChoices } from '../../template/choices.js';
import {
  fieldOf,
  NO_VALUES,
  type PlaceholderName,
  type PlaceholderValues,
  type SecretLookup,
} from '../../template/placeholders.js';
import { parseAnswer } from '../../template/response-extract.js';
import { UnsuccessfulAnswerError } from '../registry-errors.js';
import type { TemplateCall } from '../worker.js';
import {
  type CallDefinition,
  type CallParts,
  compileParts,
  type FixedHeaders,
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
import { mediaFaults, needsImageBytes } from './media-faults.js';
import { pollOf } from './poll/poll-of-definition.js';

/** The placeholders of a request's input. A worker without any of them would answer every request alike. */
const CARRIES_INPUT: readonly PlaceholderName[] = [
  'USER_PROMPT',
  'MESSAGES',
  'HISTORY',
  'INPUT',
  'INPUT_IMAGE',
  'INPUT_IMAGE_BASE64',
  'INPUT_IMAGES',
];

/**
 * Compiles the call of a template worker. `header` holds all headers, the sealed ones opened.
 * @throws InvalidInputError with every fault, named by field
 */
export function compileTemplateCall(
  definition: CallDefinition,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  settings: InferenceSettings,
): TemplateCall {
  const { req_type: method, success_when: rule } = definition;
  const parts = compileParts(definition, header);
  const { url, body, headers, extract, succeeded, stream, usage } = parts;
  const placeholders = placeholdersOf(parts);
  const timeouts = timeoutsOf(definition, settings);
  const { poll, faults: pollFaults } = pollOf(definition, parts, header, secrets, timeouts);
  const faults = [
    ...parts.faults,
    ...(parts.faults.length === 0 ? mediaFaults(definition, placeholders, [url, body, headers]) : []),
    ...pollFaults,
    ...contradictions(definition, parts),
  ];
  if (faults.length > 0 || url === null || headers === null || extract === null)
    throw new InvalidInputError(faults);

  const streamTimeouts = streamTimeoutsOf(definition, settings);
  const textBody = body !== null && 'contentType' in body ? body : null;
  const contentType = textBody === null ? {} : { 'content-type': textBody.contentType };
  // Headers of the definition replace these, in any case.
  const fixed = without(headers.names, { ...OWN_HEADERS, ...contentType });
  const setsForwarded = FORWARDED_HEADERS.some((name) => headers.names.has(name));

  const isFixed = headers.placeholders.size === 0 && headers.secrets.size === 0;
  const always = isFixed ? fixedHeaders({ ...fixed, ...headers.render(NO_VALUES, secrets) }) : null;
  const rendered = (values: PlaceholderValues): FixedHeaders =>
    always ?? fixedHeaders({ ...fixed, ...headers.render(values, secrets) });

  const render: TemplateCall['render'] = (values, forwardedHeaders) => ({
    method,
    origin: url.origin,
    path: url.render(values, secrets),
    headers: withForwarded(
      rendered(values),
      setsForwarded ? without(headers.names, { ...forwardedHeaders }) : forwardedHeaders,
    ),
    body: textBody === null ? null : textBody.render(values, secrets),
    timeouts: values.STREAM === true ? streamTimeouts : timeouts,
  });
  const renderWithParts: TemplateCall['render'] = (values, forwardedHeaders) => {
    const call = render(values, forwardedHeaders);
    if (body === null || 'contentType' in body) return call;
    const { contentType: type, bytes } = body.render(values, secrets);
    return { ...call, headers: { ...call.headers, 'content-type': type }, body: bytes };
  };

  return {
    origin: url.origin,
    kind: 'template',
    upstreamModel: definition.upstream_model,
    requireSecrets: requiring([url, body, headers], secrets),
    ownTimeouts: ownTimeoutsOf(definition),
    placeholders,
    requires: body?.requires ?? null,
    choices: compileChoices(definition.choices),
    takesMedia: [...placeholders].some((name) => fieldOf(name) !== null || name.startsWith('EXTRA.')),
    takesImageBytes: needsImageBytes(placeholders, definition.body_format),
    poll,
    stream,
    usage,
    render: definition.body_format === 'multipart' ? renderWithParts : render,
    extract: ({ text }) => {
      if (succeeded !== null && rule !== null && !succeeded(parseAnswer(text))) {
        throw new UnsuccessfulAnswerError(rule);
      }
      return extract.from(text);
    },
  };
}

function placeholdersOf({
  url,
  body,
  headers,
}: Pick<CallParts, 'url' | 'body' | 'headers'>): ReadonlySet<PlaceholderName> {
  return new Set([url, body, headers].flatMap((part) => [...(part?.placeholders ?? [])]));
}

/** Parts that are valid alone and not together. */
function contradictions(definition: CallDefinition, parts: CallParts): readonly InputFault[] {
  const { req_type: method, body, body_format, poll, is_stream, stream_extract } = definition;
  const { url, headers } = parts;
  const faults: InputFault[] = [];
  const add = (field: string, problem: string): void => {
    faults.push({ field, problem });
  };
  if (definition.profile !== null)
    add('profile', 'is used with an API protocol only: a template says itself what it sends');
  if (method === 'GET' && body !== null)
    add('body', 'is not sent with req_type GET: put the placeholders into req_param or the URL, or use POST');
  const inRequest = placeholdersOf({ url, body: parts.body, headers: null });
  if (parts.faults.length === 0 && !CARRIES_INPUT.some((name) => inRequest.has(name)))
    add(
      method === 'GET' ? 'req_param' : 'body',
      'must hold {USER_PROMPT}, {MESSAGES}, {HISTORY}, {INPUT} or {INPUT_IMAGE} if the URL holds none of them: put it where the prompt belongs',
    );
  if (poll === null && placeholdersOf(parts).has('JOB_ID'))
    add(
      parts.body?.placeholders.has('JOB_ID') === true ? 'body' : 'req_url_template',
      'holds {JOB_ID}, which is known to workers with poll only; {REQUEST_ID} is always known',
    );
  if (body_format === 'multipart' && headers?.names.has('content-type') === true)
    add(
      'header',
      'must not set content-type with body_format "multipart": each body has a boundary of its own',
    );
  if (stream_extract !== null && !is_stream) add('is_stream', 'must be true with stream_extract');
  return faults;
}
