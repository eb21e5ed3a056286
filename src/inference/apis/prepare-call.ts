import { InvalidInputError } from '../../input/input-errors.js';
import { SecretMissingError } from '../../credentials/worker-secrets.js';
import type { WorkerDefaults, ApiCall, WorkerTask } from '../../registry/worker.js';
import { TemplateError } from '../../template/template-error.js';
import { UpstreamError } from '../../upstream/failure.js';
import type { InferenceRequest, RawBody } from '../client/inference-request.js';
import { PartedCall, WholeCall, StreamCall, type CallTarget, type PreparedCall } from './prepared-call.js';
import { prepareTemplateCall } from './template/backend.js';
import { unsupported, UnsupportedTaskError } from '../chat/chat-errors.js';
import { printJson } from '../../input/exact-json.js';
import { parsedOrUndefined } from '../../input/json.js';
import { adaptChat } from '../adapt/adapt-chat.js';
import { adaptedAnswer, adaptedEvents, adaptedReader } from '../adapt/answer-adapter.js';
import { hasOwnFields, ignoredByProfile, ignoredOfPassed, translated } from '../adapt/ignored-fields.js';
import type { AnswerText, ChatAnswer, OpenAiChat, ChatEvent, EventReader } from '../chat/chat.js';
import { eventsOf } from '../chat/tool-calls.js';
import { withValue } from '../passthrough/json-edits.js';
import { finishing } from '../streams/unrequested-stream.js';
import { ProxyCall } from '../passthrough/proxy-call.js';
import { withClientHeaders } from './anthropic/headers.js';
import { takenBody } from './taken-body.js';
import { API_ADAPTERS, type EmbeddingAdapter, type ApiAdapter } from './api-adapters.js';
import { MESSAGES } from './endpoints.js';
import { exceedsBatch } from './openai/backend-embeddings.js';

/**
 * Renders the request for a worker. Pure: the request is never changed.
 * @throws UnsupportedTaskError, UnsupportedFieldError, InvalidInputError, RenderError: this worker cannot serve the request;
 *   UpstreamError secret_missing, bad_definition
 */
export function prepareCall(worker: CallTarget, request: InferenceRequest): PreparedCall {
  const { call } = worker;
  if (!canServe(worker, request))
    throw new UnsupportedTaskError(request.task ?? 'chat', worker.modelName, worker.task ?? 'chat');
  try {
    return call.kind === 'template'
      ? prepareTemplateCall(worker, call, request)
      : prepareApiCall(worker, call, request);
  } catch (error) {
    if (error instanceof SecretMissingError)
      throw new UpstreamError('secret_missing', error.message, { cause: error, forClient: NO_SECRET });
    if (error instanceof TemplateError)
      throw new UpstreamError('bad_definition', error.message, { cause: error, forClient: BAD_DEFINITION });
    throw error;
  }
}

/** Names of secrets and headers are for operators. */
const NO_SECRET = 'a secret of the worker is missing on this replica';
const BAD_DEFINITION = 'the definition of the worker cannot be used';

function canServe({ task, call }: CallTarget, { task: wanted, raw }: InferenceRequest): boolean {
  if (wanted !== null || raw !== null) return supportsTask(task, wanted);
  return task === null || task === 'chat' || (call.kind === 'template' && isMedia(task));
}

/** A worker that chats can complete text, too. @param task `null`: any. @param wanted `null`: any */
function supportsTask(task: WorkerTask | null, wanted: WorkerTask | null): boolean {
  return task === null || wanted === null || task === wanted || (wanted === 'completion' && task === 'chat');
}

/** The native API has one call for text, image and video models: it answers with the text, or with a link to the rest. */
function isMedia(task: WorkerTask): boolean {
  return task === 'image' || task === 'video';
}

const JSON_TYPE = 'application/json';
const NOTHING: readonly string[] = [];

/** For a worker that speaks a known API: passed through where the client speaks the same one, translated otherwise. */
function prepareApiCall(worker: CallTarget, call: ApiCall, request: InferenceRequest): PreparedCall {
  const model = call.upstreamModel ?? worker.modelName;
  const { raw, stream } = request;
  const adapter = API_ADAPTERS[call.protocol];
  if (raw?.dialect === call.protocol && isPassed(call, request, raw))
    return prepareProxyCall(call, request, raw, model);
  if (request.task === 'embedding' && adapter.embeddings !== undefined)
    return prepareEmbeddingCall(call, request, adapter.embeddings, model);
  if (!CHATTING.has(request.task) || (raw !== null && !CHATS.has(raw.path)))
    throw unsupported(worker, request, `chat (by protocol ${call.protocol})`);
  const sent = withDefaults({ ...request.openAi(), model, stream }, worker.defaults);
  const { chat, adapter: adapted, changes } = adaptChat(sent, call.profile);
  const { result, ignored: untranslated } =
    call.protocol === 'openai' || !hasOwnFields(request)
      ? { result: adapter.request(chat, stream, call.profile), ignored: NOTHING }
      : translated(chat, (watched) => adapter.request(watched, stream, call.profile));
  const ignored = hasOwnFields(request) ? [...ignoredByProfile(sent, chat), ...untranslated] : NOTHING;
  const { path, body } = result;
  const rendered = call.render(
    { method: 'POST', path, body: printJson(body), contentType: JSON_TYPE, isStream: stream },
    request.forwardedHeaders,
  );
  const reader = (): EventReader => adaptedReader(finishing(adapter.reader()), adapted);
  if (!stream)
    return new WholeCall(
      rendered,
      'message',
      ({ text }) => (adapted === null ? adapter.answer(text) : adaptedAnswer(adapter.answer(text), adapted)),
      changes,
      ignored,
      reader,
    );
  return new StreamCall(
    rendered,
    'message',
    'sse',
    reader,
    ({ text }) => adaptedEvents(eventsInWhole(adapter, text), adapted),
    changes,
    ignored,
  );
}

/** Completions and responses need a server that has them. Where it is not known, what cannot be translated passes through. */
function isPassed({ profile }: ApiCall, request: InferenceRequest, { path }: RawBody): boolean {
  if (path === '/embeddings') return !exceedsBatch(profile, request);
  if (path === '/completions') return profile.completions;
  if (path !== '/responses') return true;
  if (profile.responses !== null) return profile.responses;
  try {
    request.openAi();
    return false;
  } catch (error) {
    if (error instanceof InvalidInputError) return true;
    throw error;
  }
}

function prepareEmbeddingCall(
  call: ApiCall,
  request: InferenceRequest,
  adapter: EmbeddingAdapter,
  model: string,
): PreparedCall {
  const { input } = request.input();
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  const { path, bodies, batch } = adapter.request(texts, request.openAi(), model, call.profile);
  const [first = '', ...more] = bodies.map((body) => JSON.stringify(body));
  const rendered = call.render(
    { method: 'POST', path, body: first, contentType: JSON_TYPE, isStream: false },
    request.forwardedHeaders,
  );
  const read = ({ text }: AnswerText, part: number): ChatAnswer =>
    adapter.answer(text, Math.min(batch, texts.length - part * batch));
  if (more.length === 0) return new WholeCall(rendered, 'message', (answer) => read(answer, 0));
  return new PartedCall(rendered, [first, ...more], read, joinedVectors);
}

/** The vectors of all parts in their order, their counts added up. */
function joinedVectors(parts: readonly ChatAnswer[]): ChatAnswer {
  const counts = parts.map(({ usage }) => usage?.input);
  const input = counts.reduce((sum, count) =>
    sum === undefined || count === undefined ? undefined : sum + count,
  );
  return {
    text: `[${parts.map(({ text }) => (text ?? '').slice(1, -1)).join(',')}]`,
    toolCalls: [],
    finish: 'stop',
    usage: input === undefined ? null : { input, output: 0 },
  };
}

/** Endpoints whose requests can be translated to every API. */
const CHATS: ReadonlySet<string> = new Set(['/chat/completions', '/completions', '/responses', MESSAGES]);
/** What a chat can do; null: whatever the worker does. */
const CHATTING: ReadonlySet<WorkerTask | null> = new Set([null, 'chat', 'completion']);

/** The client's own bytes but for the value of `model`, and for what the server refuses. */
function prepareProxyCall(
  call: ApiCall,
  request: InferenceRequest,
  raw: RawBody,
  model: string,
): PreparedCall {
  const { path, contentType, bytes } = raw;
  const nameOf = (): string => (raw.spelled === 'json' ? JSON.stringify(model) : model);
  const renamed = model === request.model ? bytes : withValue(bytes, raw.model, nameOf());
  const body = raw.spelled === 'json' ? takenBody(renamed, raw, call.profile) : renamed;
  // Speech is sent while it is generated.
  const isStream = request.stream || path === '/audio/speech';
  const rendered = call.render(
    { method: 'POST', path: path + raw.query, body, contentType, isStream },
    request.forwardedHeaders,
  );
  const headers = withClientHeaders(rendered.headers, raw.headers);
  const passed = headers === rendered.headers ? rendered : { ...rendered, headers };
  const ignored = body === renamed ? NOTHING : ignoredOfPassed(renamed, body, call.profile);
  return new ProxyCall(passed, raw, isStream, request.kept, ignored);
}

function withDefaults(
  chat: OpenAiChat,
  { temperature, max_tokens, system_prompt }: WorkerDefaults,
): OpenAiChat {
  if (temperature === undefined && max_tokens === undefined && system_prompt === undefined) return chat;
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
