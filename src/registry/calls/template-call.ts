import type { InferenceSettings } from '../../config/settings.js';
import { InvalidInputError } from '../../input/input-errors.js';
import type { PlaceholderName, SecretLookup } from '../../template/placeholders.js';
import { parseAnswer } from '../../template/response-extract.js';
import { OWN_HEADERS, ownTimeoutsOf, streamTimeoutsOf, timeoutsOf, without } from './call-basics.js';
import { compileParts } from './call-parts.js';
import { UnsuccessfulAnswerError } from '../registry-errors.js';
import type { TemplateCall } from '../worker.js';
import type { WorkerDefinition } from '../worker-fields.js';

/** Where a caller's words can enter; a worker without one of these would answer everyone alike. */
const CARRIES_INPUT: readonly PlaceholderName[] = ['USER_PROMPT', 'MESSAGES', 'HISTORY', 'INPUT'];

/** Of the caller's headers, those that travel on; in lower case. */
const FORWARDED_HEADERS = ['x-request-id', 'traceparent'];

type Callable = Pick<
  WorkerDefinition,
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
  | 'connect_ms'
  | 'first_byte_ms'
  | 'idle_ms'
  | 'total_ms'
>;

/**
 * Compiles a definition, once. `header` holds all headers, the sealed ones opened.
 * @throws InvalidInputError with every fault, named by field
 */
export function compileTemplateCall(
  definition: Callable,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  waits: InferenceSettings,
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
      problem: 'is not sent by a GET worker: put the placeholders into req_param or the URL, or use POST',
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
        'carries no {USER_PROMPT} (nor {MESSAGES}, {HISTORY} or {INPUT}), and neither does the URL: put it where the prompt belongs',
    });
  }
  if (definition.stream_extract !== null && !definition.is_stream)
    faults.push({
      field: 'is_stream',
      problem: 'must be true where stream_extract says how the stream is read',
    });
  if (faults.length > 0 || url === null || headers === null || extract === null)
    throw new InvalidInputError(faults);

  const timeouts = timeoutsOf(definition, waits);
  const streamTimeouts = streamTimeoutsOf(definition, waits);
  const ours = body === null ? OWN_HEADERS : { ...OWN_HEADERS, 'content-type': body.contentType };
  // The worker's own word stands alone, in whatever case it is written.
  const fixed = without(headers.names, ours);
  const setsPassedOn = FORWARDED_HEADERS.some((name) => headers.names.has(name));

  return {
    origin: url.origin,
    kind: 'template',
    upstreamModel: definition.upstream_model,
    ownTimeouts: ownTimeoutsOf(definition),
    placeholders,
    stream,
    usage,
    render: (values, passedOn) => ({
      method,
      origin: url.origin,
      path: url.render(values, secrets),
      headers: {
        ...fixed,
        ...(setsPassedOn ? without(headers.names, passedOn) : passedOn),
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
