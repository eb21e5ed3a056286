import type { InferenceSettings } from '../../config/settings.js';
import { InvalidInputError } from '../../input/input-errors.js';
import type { PlaceholderName, SecretLookup } from '../../template/placeholders.js';
import { parseAnswer } from '../../template/response-extract.js';
import { UnsuccessfulAnswerError } from '../registry-errors.js';
import type { TemplateCall } from '../worker.js';
import {
  type CallDefinition,
  compileParts,
  OWN_HEADERS,
  ownTimeoutsOf,
  streamTimeoutsOf,
  timeoutsOf,
  without,
} from './call-parts.js';

/** The placeholders of a request's input. A worker without any of them would answer every request alike. */
const CARRIES_INPUT: readonly PlaceholderName[] = ['USER_PROMPT', 'MESSAGES', 'HISTORY', 'INPUT'];

/** The client's headers that are forwarded, in lower case. */
const FORWARDED_HEADERS = ['x-request-id', 'traceparent'];

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
  const { url, body, headers, extract, succeeded, stream, usage, ...parts } = compileParts(
    definition,
    header,
  );
  const faults = [...parts.faults];

  if (method === 'GET' && definition.body !== null) {
    faults.push({
      field: 'body',
      problem: 'is not sent with req_type GET: put the placeholders into req_param or the URL, or use POST',
    });
  }
  const placeholders = new Set([
    ...(url?.placeholders ?? []),
    ...(body?.placeholders ?? []),
    ...(headers?.placeholders ?? []),
  ]);
  const inRequest = new Set([...(url?.placeholders ?? []), ...(body?.placeholders ?? [])]);
  if (faults.length === 0 && !CARRIES_INPUT.some((name) => inRequest.has(name))) {
    faults.push({
      field: method === 'GET' ? 'req_param' : 'body',
      problem:
        'must hold {USER_PROMPT}, {MESSAGES}, {HISTORY} or {INPUT} if the URL holds none of them: put it where the prompt belongs',
    });
  }
  if (definition.stream_extract !== null && !definition.is_stream)
    faults.push({
      field: 'is_stream',
      problem: 'must be true with stream_extract',
    });
  if (faults.length > 0 || url === null || headers === null || extract === null)
    throw new InvalidInputError(faults);

  const timeouts = timeoutsOf(definition, settings);
  const streamTimeouts = streamTimeoutsOf(definition, settings);
  const ours = body === null ? OWN_HEADERS : { ...OWN_HEADERS, 'content-type': body.contentType };
  // Headers of the definition replace these, in any case.
  const fixed = without(headers.names, ours);
  const setsForwarded = FORWARDED_HEADERS.some((name) => headers.names.has(name));

  return {
    origin: url.origin,
    kind: 'template',
    upstreamModel: definition.upstream_model,
    ownTimeouts: ownTimeoutsOf(definition),
    placeholders,
    stream,
    usage,
    poll: null,
    render: (values, forwardedHeaders) => ({
      method,
      origin: url.origin,
      path: url.render(values, secrets),
      headers: {
        ...fixed,
        ...(setsForwarded ? without(headers.names, forwardedHeaders) : forwardedHeaders),
        ...headers.render(values, secrets),
      },
      body: body === null ? null : body.render(values, secrets),
      timeouts: values.STREAM === true ? streamTimeouts : timeouts,
    }),
    extract: ({ text }) => {
      if (succeeded !== null && rule !== null && !succeeded(parseAnswer(text))) {
        throw new UnsuccessfulAnswerError(rule);
      }
      return extract.from(text);
    },
  };
}
