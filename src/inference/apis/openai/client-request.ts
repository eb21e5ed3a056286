import type { FastifyRequest } from 'fastify';
import { describeValue, type Fields, isJsonObject } from '../../../input/json.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import type { TemplateInput } from '../../../registry/calls/placeholder-values.js';
import type { RawBody } from '../../client/inference-request.js';
import { fieldsOfForm } from '../jobs/form-body.js';
import { readJobInput } from '../jobs/read-job-input.js';
import type { FieldFate } from '../../chat/chat-fields.js';
import { parseOpenAiChat } from '../../chat/parse-chat.js';
import { LONGEST_NAME, parseBody, parseBodyFields, type RawRequest } from '../../passthrough/raw-request.js';
import { findFormFields } from '../../passthrough/multipart-scanner.js';
import type { Span } from '../../passthrough/json-scanner.js';
import type { Endpoint } from '../endpoints.js';

/**
 * Every field of the endpoints that answer with a list, and what becomes of it where the worker does not have OpenAI's API. Where
 * it has, they are passed through. A template of images may name any other field: {EXTRA.style}.
 */
export const EMBEDDING_FIELDS = {
  input: 'carried',
  model: 'carried',
  dimensions: 'carried',
  encoding_format: 'carried',
  user: 'hint',
} as const satisfies Readonly<Record<string, FieldFate>>;

/** ImageGenerateParamsBase, ImageEditParamsBase and ImageCreateVariationParams of the openai package. */
export const IMAGE_FIELDS = {
  prompt: 'carried',
  model: 'carried',
  image: 'carried',
  mask: 'carried',
  n: 'carried',
  response_format: 'carried',
  size: 'carried',
  quality: 'carried',
  background: 'hint',
  input_fidelity: 'hint',
  moderation: 'hint',
  output_compression: 'hint',
  output_format: 'hint',
  partial_images: 'hint',
  style: 'hint',
  user: 'hint',
  stream: 'refused',
} as const satisfies Readonly<Record<string, FieldFate>>;

const NO_HEADERS = {};
/** The prompt is here so that a body with two is refused. */
const FIELDS: ReadonlySet<string> = new Set([
  'model',
  'service_tier',
  'stream',
  'messages',
  'prompt',
  'input',
]);

/** Reads the fields of a body that routing needs. @throws InvalidInputError */
export function readBody(path: string, contentType: string, body: unknown): RawRequest {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  return isForm(contentType) ? readForm(path, contentType, bytes) : readJson(path, contentType, bytes);
}

function readJson(path: string, contentType: string, bytes: Buffer): RawRequest {
  const { model, span, stream, value } = parseBodyFields(bytes, FIELDS);
  return {
    raw: rawBody(path, contentType, bytes, span, 'json'),
    model,
    stream,
    serviceTier: value('service_tier'),
  };
}

function readForm(path: string, contentType: string, bytes: Buffer): RawRequest {
  const fields = findFormFields(contentType, bytes);
  const span = fields.get('model');
  const model = span === undefined ? '' : bytes.toString('utf8', span.start, span.end);
  if (span === undefined || model.length < 1 || model.length > LONGEST_NAME)
    throw fault('model', `must be a model name of 1 to ${LONGEST_NAME} characters, in a part of the form`);
  const stream = fields.get('stream');
  return {
    raw: rawBody(path, contentType, bytes, span, 'text'),
    model,
    stream: stream !== undefined && bytes.toString('utf8', stream.start, stream.end) === 'true',
    serviceTier: undefined,
  };
}

function rawBody(
  path: string,
  contentType: string,
  bytes: Buffer,
  model: Span,
  spelled: RawBody['spelled'],
): RawBody {
  return { dialect: 'openai', path, query: '', headers: NO_HEADERS, contentType, bytes, model, spelled };
}

function isForm(contentType: string): boolean {
  return /^multipart\/form-data\b/i.test(contentType);
}

/** The fields of a body that came as bytes: a form, else JSON. @throws InvalidInputError */
export function readBodyFields({ headers, body }: Pick<FastifyRequest, 'headers' | 'body'>): Fields {
  const contentType = headers['content-type'] ?? '';
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  if (isForm(contentType)) return fieldsOfForm(contentType, bytes);
  const value = parseBody(bytes);
  if (isJsonObject(value)) return value;
  throw new InvalidInputError([
    { field: '', problem: `the body must be a JSON object${describeValue(value)}` },
  ]);
}

function fault(field: string, problem: string): InvalidInputError {
  return new InvalidInputError([{ field, problem }]);
}

const FORMATS: ReadonlySet<unknown> = new Set([null, 'float', 'base64']);

/** The fields of a body that a template can use. @throws InvalidInputError */
export function readInput(endpoint: Endpoint, body: Readonly<Record<string, unknown>>): TemplateInput {
  if (endpoint === '/completions') return inputOf(textIn('prompt', body['prompt']), body);
  if (endpoint === '/images/generations' || endpoint === '/images/edits') {
    const prompt = textIn('prompt', body['prompt']);
    return { ...inputOf(prompt, body), media: readJobInput({ ...body, prompt }) };
  }
  if (endpoint === '/embeddings') {
    checkEmbeddingOptions(body);
    return { ...inputOf(textIn('input', firstOf(body['input'])), body), input: body['input'] };
  }
  return parseOpenAiChat(body, null);
}

function checkEmbeddingOptions({
  dimensions,
  encoding_format: format,
}: Readonly<Record<string, unknown>>): void {
  const isSize = Number.isSafeInteger(dimensions) && Number(dimensions) > 0;
  if ((dimensions ?? null) !== null && !isSize)
    throw new InvalidInputError([
      { field: 'dimensions', problem: `must be a whole number of 1 or more${describeValue(dimensions)}` },
    ]);
  if (!FORMATS.has(format ?? null))
    throw new InvalidInputError([
      { field: 'encoding_format', problem: `must be "float" or "base64"${describeValue(format)}` },
    ]);
}

function inputOf(
  prompt: string,
  { temperature, max_tokens: maxTokens }: Readonly<Record<string, unknown>>,
): TemplateInput {
  return {
    messages: [{ role: 'user', content: prompt }],
    temperature: typeof temperature === 'number' ? temperature : undefined,
    maxTokens: typeof maxTokens === 'number' ? maxTokens : undefined,
  };
}

/** Templates take one prompt as text: neither tokens nor several prompts. */
function textIn(field: 'prompt' | 'input', value: unknown): string {
  const text: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof text === 'string') return text;
  if (holdsTokens(value)) throw fault(field, TOKENS[field]);
  throw fault(field, `must be one text${describeValue(value)}`);
}

function firstOf(input: unknown): unknown {
  return Array.isArray(input) && typeof input[0] === 'string' && !holdsTokens(input) ? input[0] : input;
}

/** Ids of tokens, as OpenAI takes them in place of text: `[1, 2]`, or `[[1, 2], [3]]` for several texts. */
function holdsTokens(value: unknown): boolean {
  return Array.isArray(value) && value.some((each) => typeof each === 'number' || Array.isArray(each));
}

/**
 * Every model has tokens of its own, so ids that a client made for another model would mean another text. The options:
 * https://python.langchain.com/api_reference/openai/embeddings/langchain_openai.embeddings.base.OpenAIEmbeddings.html,
 * https://github.com/EleutherAI/lm-evaluation-harness/blob/main/docs/API_guide.md
 */
const TOKENS = {
  input:
    'holds ids of tokens, and this model takes text: send a string or a list of strings (LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))',
  prompt: 'holds ids of tokens, and this model takes text: send a string (lm-eval: tokenized_requests=False)',
} as const;
