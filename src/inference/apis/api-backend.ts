import type { ApiCall, WorkerDefaults } from '../../registry/worker.js';
import { MESSAGES } from './endpoints.js';
import type { ChatEvent, EventReader, OpenAiChat, StreamReader } from '../chat/chat.js';
import { ProtocolError, unsupported } from '../chat/chat-errors.js';
import type { InferenceRequest, RawBody } from '../client/inference-request.js';
import { eventsOf } from '../chat/tool-calls.js';
import { parsedOrUndefined } from '../chat/json.js';
import { withValue } from '../passthrough/json-scanner.js';
import { ProxyCall } from '../passthrough/proxy-call.js';
import { type CallTarget, type PreparedCall, StreamCall, WholeCall } from './prepared-call.js';
import { withClientHeaders } from './anthropic/headers.js';
import { type ApiAdapter, type EmbeddingAdapter, API_ADAPTERS } from './api-adapters.js';

const JSON_TYPE = 'application/json';

/** For a worker that speaks a known API: passed through where the client speaks the same one, translated otherwise. */
export function prepareApiCall(worker: CallTarget, call: ApiCall, request: InferenceRequest): PreparedCall {
  const model = call.upstreamModel ?? worker.modelName;
  const { raw, stream } = request;
  const adapter = API_ADAPTERS[call.protocol];
  if (raw?.dialect === call.protocol) return prepareProxyCall(call, request, raw, model);
  if (request.task === 'embedding' && adapter.embeddings !== undefined)
    return prepareEmbeddingCall(call, request, adapter.embeddings, model);
  if ((request.task ?? 'chat') !== 'chat' || (raw !== null && !CHATS.has(raw.path)))
    throw unsupported(worker, request, `chat (by protocol ${call.protocol})`);
  const chat = withDefaults({ ...request.openAi(), model, stream }, worker.defaults);
  const { path, body } = adapter.request(chat, stream);
  const rendered = call.render(
    { method: 'POST', path, body: JSON.stringify(body), contentType: JSON_TYPE, isStream: stream },
    request.forwardedHeaders,
  );
  if (!stream) return new WholeCall(rendered, 'message', ({ text }) => adapter.answer(text));
  return new StreamCall(
    rendered,
    'message',
    'sse',
    () => finishing(adapter.reader()),
    ({ text }) => eventsInWhole(adapter, text),
  );
}

function prepareEmbeddingCall(
  call: ApiCall,
  request: InferenceRequest,
  adapter: EmbeddingAdapter,
  model: string,
): PreparedCall {
  const { path, body } = adapter.request({ ...request.openAi(), input: request.input().input }, model);
  const rendered = call.render(
    { method: 'POST', path, body: JSON.stringify(body), contentType: JSON_TYPE, isStream: false },
    request.forwardedHeaders,
  );
  return new WholeCall(rendered, 'message', ({ text }) => adapter.answer(text));
}

/** Endpoints whose requests can be translated to every API. */
const CHATS: ReadonlySet<string> = new Set(['/chat/completions', MESSAGES]);

/** The client's own bytes but for the value of `model`. */
function prepareProxyCall(
  call: ApiCall,
  request: InferenceRequest,
  raw: RawBody,
  model: string,
): PreparedCall {
  const { path, contentType, bytes } = raw;
  const name = raw.spelled === 'json' ? JSON.stringify(model) : model;
  const body = model === request.model ? bytes : withValue(bytes, raw.model, name);
  // Speech is sent while it is generated.
  const isStream = request.stream || path === '/audio/speech';
  const rendered = call.render(
    { method: 'POST', path: path + raw.query, body, contentType, isStream },
    request.forwardedHeaders,
  );
  const headers = withClientHeaders(rendered.headers, raw.headers);
  return new ProxyCall(headers === rendered.headers ? rendered : { ...rendered, headers }, raw, isStream);
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

/** An answer that came whole though a stream was requested; Gemini streams a list where a proxy drops `alt=sse`. */
function eventsInWhole(adapter: ApiAdapter, text: string): readonly ChatEvent[] {
  const body = parsedOrUndefined(text);
  if (!Array.isArray(body)) return eventsOf(adapter.answer(text));
  const reader = finishing(adapter.reader());
  const events = body.flatMap((each: unknown) => reader.read({ data: JSON.stringify(each) }));
  return [...events, ...reader.end()];
}

/** A stream that ends without a finish reason was cut off. */
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
