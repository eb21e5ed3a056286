import { randomUUID } from 'node:crypto';
import type { Tenant } from '../../balancing/admission/tenant.js';
import type { JobInput, JobKind } from '../../jobs/job.js';
import type { OneCallJob } from '../../jobs/one-call.js';
import type { WorkerTask } from '../../registry/worker.js';
import type { OpenAiChat } from '../chat/chat.js';
import { chatAffinityKey } from '../client/affinity-key.js';
import type { Deadline } from '../client/request-headers.js';
import type { InferenceRequest, RawBody } from '../client/inference-request.js';
import { memoize, parseBodyFields } from '../passthrough/raw-request.js';

const TASK_OF_KIND: Readonly<Record<JobKind, WorkerTask>> = {
  text: 'chat',
  image: 'image',
  video: 'video',
  audio: 'audio',
};
const MODEL = new Set(['model']);
const DATA_URL = /^data:([^;,]+)[^,]*;base64,/;

/** A job's request as if a client had sent it. */
export function oneCallRequest(
  { id, modelName, kind, priority, input, requestId }: OneCallJob,
  deadline: Deadline,
  caller: InferenceRequest['caller'],
  tenant: Tenant,
): InferenceRequest {
  const { messages, temperature, max_tokens: maxTokens } = input;
  return {
    ...deadline,
    id: requestId === '' ? id : requestId,
    model: modelName,
    task: TASK_OF_KIND[kind],
    stream: false,
    input: () => ({ messages, temperature, maxTokens, media: input }),
    openAi: () =>
      kind === 'text' ? chatOf(modelName, input) : { ...imageBody(modelName, input), messages: [] },
    raw: kind === 'image' ? rawImage(modelName, input) : null,
    affinityKey: memoize(() =>
      chatAffinityKey({
        messages: messages.length > 0 ? messages : [{ role: 'user', content: input.prompt }],
      }),
    ),
    priority,
    tenant,
    worker: null,
    explanation: null,
    facts: {
      model: null,
      workerId: null,
      attempts: 0,
      inputTokens: null,
      outputTokens: null,
      cachedTokens: null,
      answerTokens: 0,
      images: null,
      seconds: null,
      isRunning: false,
      whenEnded: null,
      queueMs: null,
      wokeMs: null,
      cuts: 0,
      fallbackModel: null,
      ignored: null,
    },
    forwardedHeaders: { 'x-request-id': requestId },
    caller,
  };
}

function chatOf(model: string, { messages, temperature, max_tokens, extra }: JobInput): OpenAiChat {
  return {
    ...extra,
    model,
    messages: messages as OpenAiChat['messages'],
    ...(temperature === undefined ? {} : { temperature }),
    ...(max_tokens === undefined ? {} : { max_tokens }),
  };
}

function imageBody(model: string, { prompt, n, size, quality, seed, negative_prompt, extra }: JobInput) {
  const named = { n, size, quality, seed, negative_prompt };
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  return { model, prompt, ...given, ...extra };
}

/** For workers that speak OpenAI's API; `null`: only a template can say it. */
function rawImage(model: string, input: JobInput): RawBody | null {
  const { images = [], mask } = input;
  if (images.length === 0 && mask === undefined) return rawGeneration(model, input);
  // A form takes files, and the API has no field for their URLs.
  return [...images, ...(mask === undefined ? [] : [mask])].every((image) => DATA_URL.test(image))
    ? rawEdit(model, input)
    : null;
}

function rawGeneration(model: string, input: JobInput): RawBody {
  const bytes = Buffer.from(JSON.stringify(imageBody(model, input)));
  const { span } = parseBodyFields(bytes, MODEL);
  return {
    ...RAW,
    path: '/images/generations',
    contentType: 'application/json',
    bytes,
    model: span,
    spelled: 'json',
  };
}

function rawEdit(model: string, input: JobInput): RawBody {
  const { images = [], mask } = input;
  const boundary = `mmm-${randomUUID()}`;
  const head = (disposition: string): string =>
    `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n`;
  const chunks: Buffer[] = [];
  const text = (name: string, value: string): void => {
    chunks.push(Buffer.from(`${head(`name="${name}"`)}\r\n${value}\r\n`));
  };
  const file = (name: string, dataUrl: string, index: number): void => {
    const [prefix = '', type = ''] = DATA_URL.exec(dataUrl) ?? [];
    const named = `name="${name}"; filename="${name.replace('[]', '')}-${index}.${type.split('/')[1] ?? 'bin'}"`;
    const content = Buffer.from(dataUrl.slice(prefix.length), 'base64');
    chunks.push(Buffer.from(`${head(named)}content-type: ${type}\r\n\r\n`), content, Buffer.from('\r\n'));
  };
  text('model', model);
  const start = chunks[0]?.indexOf('\r\n\r\n') ?? 0;
  const span = { start: start + 4, end: start + 4 + Buffer.byteLength(model) };
  const { model: _model, ...fields } = imageBody(model, input);
  for (const [name, value] of Object.entries(fields))
    if (FIELD_NAME.test(name)) text(name, typeof value === 'string' ? value : JSON.stringify(value));
  for (const [index, image] of images.entries())
    file(images.length === 1 ? 'image' : 'image[]', image, index);
  if (mask !== undefined) file('mask', mask, 0);
  chunks.push(Buffer.from(`--${boundary}--\r\n`));
  const contentType = `multipart/form-data; boundary=${boundary}`;
  return {
    ...RAW,
    path: '/images/edits',
    contentType,
    bytes: Buffer.concat(chunks),
    model: span,
    spelled: 'text',
  };
}

const RAW = { dialect: 'openai', query: '', headers: {} } as const;
/** Names that need no escape in a form. */
const FIELD_NAME = /^[\w.-]{1,100}$/;
