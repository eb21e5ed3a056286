import type { ApiCall, WorkerDefaults } from '../../registry/worker.js';
import { MESSAGES } from './endpoints.js';
import type { ChatEvent, OpenAiChat, StreamReader } from '../chat/chat.js';
import { ProtocolError } from '../chat/chat-errors.js';
import type { InferenceRequest, RawBody } from '../client/inference-request.js';
import { eventsOf } from '../chat/tool-calls.js';
import { parsedOrUndefined } from '../chat/json.js';
import { withValue } from '../passthrough/json-scanner.js';
import type { CallableWorker, EventReader, PreparedCall } from './prepared-call.js';
import { unsupported } from './unsupported-task-error.js';
import { withClientHeaders } from './anthropic/headers.js';
import { type ApiAdapter, type EmbeddingAdapter, API_ADAPTERS } from './api-adapters.js';
import { errorMessageOf } from '../chat/error-body.js';

const JSON_TYPE = 'application/json';

/** To a worker that speaks an API which is known here. */
export function prepareApiCall(
  worker: CallableWorker,
  call: ApiCall,
  request: InferenceRequest,
): PreparedCall {
  const model = call.upstreamModel ?? worker.modelName;
  const { raw, stream } = request;
  const protocol = API_ADAPTERS[call.protocol];
  if (raw?.dialect === call.protocol) return prepareProxyCall(call, request, raw, model);
  if (request.task === 'embedding' && protocol.embeddings !== undefined)
    return prepareEmbeddingCall(call, request, protocol.embeddings, model);
  if ((request.task ?? 'chat') !== 'chat' || (raw !== null && !CHATS.has(raw.path)))
    throw unsupported(worker, request, `chat (by protocol ${call.protocol})`);
  const chat = withDefaults({ ...request.openAi(), model, stream }, worker.defaults);
  const { path, body } = protocol.request(chat, stream);
  const rendered = call.render(
    { method: 'POST', path, body: JSON.stringify(body), contentType: JSON_TYPE, isStream: stream },
    request.forwardedHeaders,
  );
  if (!stream)
    return {
      mode: 'whole',
      call: rendered,
      read: ({ text }) => protocol.answer(text),
      refusal: errorMessageOf,
    };
  return {
    mode: 'stream',
    call: rendered,
    format: 'sse',
    reader: () => finishing(protocol.reader()),
    whole: ({ text }) => eventsInWhole(protocol, text),
    refusal: errorMessageOf,
  };
}

function prepareEmbeddingCall(
  call: ApiCall,
  request: InferenceRequest,
  protocol: EmbeddingAdapter,
  model: string,
): PreparedCall {
  const { path, body } = protocol.request({ ...request.openAi(), input: request.input().input }, model);
  const asked = { path, body: JSON.stringify(body), contentType: JSON_TYPE, isStream: false };
  return {
    mode: 'whole',
    call: call.render({ method: 'POST', ...asked }, request.forwardedHeaders),
    read: ({ text }) => protocol.answer(text),
    refusal: errorMessageOf,
  };
}

/** Endpoints whose requests have words in every protocol. */
const CHATS: ReadonlySet<string> = new Set(['/chat/completions', MESSAGES]);

/** The caller's own bytes but for the value of `model`. */
function prepareProxyCall(
  call: ApiCall,
  request: InferenceRequest,
  raw: RawBody,
  model: string,
): PreparedCall {
  const { path, contentType, bytes } = raw;
  const isSame = model === request.model;
  const named = raw.spelled === 'json' ? JSON.stringify(model) : model;
  const body = isSame ? bytes : withValue(bytes, raw.model, named);
  // Speech comes as it is made.
  const isStream = request.stream || path === '/audio/speech';
  const rendered = call.render(
    { method: 'POST', path: path + raw.query, body, contentType, isStream },
    request.forwardedHeaders,
  );
  const headers = withClientHeaders(rendered.headers, raw.headers);
  return {
    mode: 'pass',
    call: headers === rendered.headers ? rendered : { ...rendered, headers },
    isStream,
  };
}

function withDefaults(
  chat: OpenAiChat,
  { temperature, max_tokens, system_prompt }: WorkerDefaults,
): OpenAiChat {
  const hasSystem = chat.messages.some(({ role }) => role === 'system' || role === 'developer');
  const limit = chat.max_tokens ?? chat.max_completion_tokens;
  return {
    ...chat,
    ...(system_prompt === undefined || hasSystem
      ? {}
      : { messages: [{ role: 'system', content: system_prompt }, ...chat.messages] }),
    ...(temperature === undefined || (chat.temperature ?? null) !== null ? {} : { temperature }),
    ...(max_tokens === undefined || (limit ?? null) !== null ? {} : { max_tokens }),
  };
}

/** What came whole although a stream was asked for; Gemini's streams are lists where nobody knows `alt=sse`. */
function eventsInWhole(protocol: ApiAdapter, text: string): readonly ChatEvent[] {
  const body = parsedOrUndefined(text);
  if (!Array.isArray(body)) return eventsOf(protocol.answer(text));
  const reader = finishing(protocol.reader());
  const events = body.flatMap((each: unknown) => reader.read({ data: JSON.stringify(each) }));
  return [...events, ...reader.end()];
}

/** A stream that ends without having said why the answer is complete was cut off. */
function finishing(reader: StreamReader): EventReader {
  let isFinished = false;
  return {
    get stage() {
      return reader.stage?.() ?? 'open';
    },
    read: (event) => {
      const events = reader(event);
      isFinished ||= events.some(({ kind }) => kind === 'finish');
      return events;
    },
    end: () => {
      const last = reader.end?.() ?? [];
      if (isFinished || last.some(({ kind }) => kind === 'finish')) return last;
      throw new ProtocolError('the stream ended in the middle of the answer');
    },
  };
}
