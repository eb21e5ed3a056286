import type { TemplateCall } from '../../../registry/worker.js';
import { UnsuccessfulAnswerError } from '../../../registry/registry-errors.js';
import { ExtractError } from '../../../template/response-extract.js';
import { ProtocolError, unsupported, UnsupportedTaskError } from '../../chat/chat-errors.js';
import { MESSAGES } from '../endpoints.js';
import type { InferenceRequest } from '../../client/inference-request.js';
import { templateReader } from './stream.js';
import type { StreamExtract } from '../../../template/stream-extract.js';
import { hasOwnFields, ignoredByTemplate } from '../../adapt/ignored-fields.js';
import { isPresent } from '../../../input/json.js';
import { adaptedAnswer, adaptedReader, type AnswerAdapter } from '../../adapt/answer-adapter.js';
import { StopCutter } from '../../adapt/stop-cutter.js';
import { stopsOf } from '../../chat/options.js';
import type { AnswerText, ChatAnswer, EventReader, OpenAiChat } from '../../chat/chat.js';
import { type CallTarget, type PreparedCall, StreamCall, WholeCall } from '../prepared-call.js';
import { rejectUnsupportedFields } from './unsupported.js';
import {
  placeholderValues,
  requireValue,
  type TemplateInput,
} from '../../../registry/calls/placeholder-values.js';

/** Calls a worker by its own templates. */
export function prepareTemplateCall(
  worker: CallTarget,
  call: TemplateCall,
  request: InferenceRequest,
): PreparedCall {
  if (call.poll !== null)
    throw new UnsupportedTaskError(request.raw?.path ?? 'this', worker.modelName, JOBS, REMEDY);
  const { path } = request.raw ?? {};
  if (path !== undefined && !ANSWERED.has(path)) throw unsupported(worker, request, worker.task ?? 'chat');
  if (request.task !== null) rejectUnsupportedFields(request.task, request, call.placeholders);
  const { stream } = call;
  // Without {STREAM} the template cannot request a whole answer: such a worker always streams.
  const isStream = stream !== null && (request.stream || !call.placeholders.has('STREAM'));
  const values = placeholderValues(
    request.id,
    inputOf(request, call),
    call.upstreamModel ?? worker.modelName,
    worker.defaults,
    call,
    isStream,
    request.priority,
  );
  requireValue(call.requires, values);
  const rendered = call.render(values, request.forwardedHeaders);
  const ignored = ignoredBy(call, request);
  const adapter = request.task === null ? null : cutterOf(request.openAi());
  if (stream === null || !isStream) {
    const read = (answer: AnswerText): ChatAnswer => ({
      text: extracted(call, answer),
      toolCalls: [],
      finish: 'stop',
      usage: call.usage?.from(answer.text) ?? null,
    });
    return new WholeCall(
      rendered,
      'message',
      adapter === null ? read : (answer) => adaptedAnswer(read(answer), adapter),
      NONE,
      ignored,
    );
  }
  return new StreamCall(
    rendered,
    'message',
    stream.format,
    () => adaptedReader(readerOf(stream), adapter),
    null,
    NONE,
    ignored,
  );
}

const NONE: readonly string[] = [];

/** A native call has no fields but those of the native API; those of images and videos are read by their own rules. */
function ignoredBy({ placeholders, takesMedia }: TemplateCall, request: InferenceRequest): readonly string[] {
  const { task } = request;
  if (task === null || takesMedia || !hasOwnFields(request)) return NONE;
  return ignoredByTemplate(request.openAi(), placeholders);
}

/** No placeholder says where to stop: the text is cut here. @throws UnsupportedFieldError */
function cutterOf(chat: OpenAiChat): (() => AnswerAdapter) | null {
  if (!isPresent(chat.stop)) return null;
  const stops = stopsOf(chat);
  return stops.length === 0 ? null : () => new StopCutter(stops);
}

function readerOf(stream: StreamExtract): EventReader {
  const read = templateReader(stream);
  return {
    get stage() {
      return read.stage();
    },
    read,
    end: () => read.end(),
  };
}

/** @throws ProtocolError */
function extracted(call: TemplateCall, answer: AnswerText): string {
  try {
    return call.extract(answer);
  } catch (error) {
    if (!(error instanceof ExtractError || error instanceof UnsuccessfulAnswerError)) throw error;
    throw new ProtocolError(error.message, { cause: error });
  }
}

/** Only templates with a place for them make the fields of images and videos be read. */
function inputOf({ input, media }: InferenceRequest, { takesMedia }: TemplateCall): TemplateInput {
  const read = input();
  return takesMedia && media !== undefined && read.media === undefined ? { ...read, media: media() } : read;
}

const JOBS = 'long work, whose every call is a job';
const REMEDY =
  'use /v1/images/generations, /v1/videos, a chat or POST /api/v1/jobs, and the model itself, not as a fallback';

/** Endpoints that a template can serve. */
const ANSWERED: ReadonlySet<string> = new Set([
  '/responses',
  '/chat/completions',
  '/completions',
  '/embeddings',
  '/images/generations',
  '/images/edits',
  MESSAGES,
]);
