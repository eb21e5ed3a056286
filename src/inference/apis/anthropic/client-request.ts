import { describeValue, isJsonObject, type Fields, isPresent, type JsonObject } from '../../../input/json.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import type { OpenAiChat, OpenAiToolChoice, OpenAiTool } from '../../chat/chat.js';
import { ThreadNotFoundError } from '../../chat/chat-errors.js';
import { FaultCollector } from '../../chat/fault-collector.js';
import { type KeptFields, keptFields } from './kept-messages.js';
import { messagesFrom } from './client-messages.js';
import type { RawBody } from '../../client/inference-request.js';
import { type RawRequest, parseBodyFields } from '../../passthrough/raw-request.js';

/**
 * Every field of the body of POST /v1/messages (MessageCreateParams of @anthropic-ai/sdk, beta too), and what becomes of it
 * where the request is translated. `carried`: it reaches the worker. `hint`: it steers how Anthropic's models make the answer
 * or what is charged, and is left out. `refused`: the answer would mean something else without it.
 */
export const MESSAGE_FIELDS = {
  model: 'carried',
  messages: 'carried',
  max_tokens: 'carried',
  metadata: 'carried',
  output_config: 'carried',
  output_format: 'carried',
  stop_sequences: 'carried',
  stream: 'carried',
  system: 'carried',
  temperature: 'carried',
  // Its beginning; a later turn is a 404, after which the client sends the whole chat.
  thread: 'carried',
  tool_choice: 'carried',
  tools: 'carried',
  top_p: 'carried',
  billing_policy: 'hint',
  cache_control: 'hint',
  // What Anthropic's server may trim of old turns; Claude Code sends it with every request.
  compaction: 'hint',
  context_management: 'hint',
  diagnostics: 'hint',
  fallback_credit_token: 'hint',
  fallbacks: 'hint',
  inference_geo: 'hint',
  service_tier: 'hint',
  speed: 'hint',
  thinking: 'hint',
  top_k: 'hint',
  user_profile_id: 'hint',
  container: 'refused',
  mcp_servers: 'refused',
} as const;
const REFUSED = Object.entries(MESSAGE_FIELDS).flatMap(([name, what]) => (what === 'refused' ? [name] : []));

/**
 * The body of POST /v1/messages as a chat.
 * @throws InvalidInputError with every fault, by the names of Anthropic's fields; ThreadNotFoundError
 */
export function chatFromAnthropic(body: unknown): OpenAiChat {
  if (!isJsonObject(body))
    throw new InvalidInputError([
      { field: '', problem: `the body must be a JSON object${describeValue(body)}` },
    ]);
  const { thread } = body;
  if (isJsonObject(thread) && thread['type'] === 'continue') throw new ThreadNotFoundError();
  const faults = new FaultCollector();
  for (const name of REFUSED)
    if (isPresent(body[name]) && !isEmptyList(body[name]))
      faults.add(name, 'supported by Anthropic workers only; leave it out');
  const chat = {
    model: modelFrom(body, faults),
    messages: messagesFrom(body, faults),
    max_tokens: maxTokensFrom(body, faults),
    ...optional('tools', toolsFrom(body, faults)),
    ...toolChoiceFrom(body, faults),
    ...optional('temperature', faults.number(body['temperature'], 'temperature', 0, 1)),
    ...optional('top_p', faults.number(body['top_p'], 'top_p', 0, 1)),
    ...optional('stop', stopsFrom(body, faults)),
    ...optional('user', userFrom(body, faults)),
    ...optional('response_format', formatFrom(body, faults)),
    ...streamFrom(body, faults),
  };
  if (faults.all.length > 0) throw new InvalidInputError(faults.all);
  return chat;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function modelFrom({ model }: Fields, faults: FaultCollector): string {
  if (typeof model === 'string' && model.length >= 1 && model.length <= 200) return model;
  faults.add('model', `must be a model name of 1 to 200 characters${describeValue(model)}`);
  return '';
}

function maxTokensFrom({ max_tokens: most }: Fields, faults: FaultCollector): number {
  if (typeof most === 'number' && Number.isSafeInteger(most) && most >= 1) return most;
  faults.add('max_tokens', `must be a whole number of 1 or more${describeValue(most)}`);
  return 1;
}

function stopsFrom({ stop_sequences: stops }: Fields, faults: FaultCollector): readonly string[] | undefined {
  if (!isPresent(stops)) return undefined;
  const texts = faults
    .list(stops, 'stop_sequences')
    .map((stop, index) => faults.string(stop, `stop_sequences[${index}]`));
  return texts.length === 0 ? undefined : texts;
}

function userFrom({ metadata }: Fields, faults: FaultCollector): string | undefined {
  if (!isPresent(metadata)) return undefined;
  const { user_id: user } = faults.object(metadata, 'metadata');
  return isPresent(user) ? faults.string(user, 'metadata.user_id') : undefined;
}

/** OpenAI requires a name for the schema. */
function formatFrom(
  { output_config: config, output_format: older }: Fields,
  faults: FaultCollector,
): object | undefined {
  const { format } = isPresent(config) ? faults.object(config, 'output_config') : {};
  const [given, field] = isPresent(format) ? [format, 'output_config.format'] : [older, 'output_format'];
  if (!isPresent(given)) return undefined;
  const { type, schema } = faults.object(given, field);
  if (type !== 'json_schema') faults.add(`${field}.type`, `must be "json_schema"${describeValue(type)}`);
  const checked = faults.object(schema, `${field}.schema`);
  return { type: 'json_schema', json_schema: { name: 'answer', schema: checked, strict: true } };
}

/** Anthropic always reports usage, OpenAI on request. */
function streamFrom(
  { stream }: Fields,
  faults: FaultCollector,
): Pick<OpenAiChat, 'stream' | 'stream_options'> {
  if (!isPresent(stream) || stream === false) return {};
  if (stream !== true) faults.add('stream', `must be true or false${describeValue(stream)}`);
  return { stream: true, stream_options: { include_usage: true } };
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}

function toolsFrom({ tools }: Fields, faults: FaultCollector): readonly OpenAiTool[] | undefined {
  if (!isPresent(tools)) return undefined;
  return faults.list(tools, 'tools').map((tool, index) => toolFrom(tool, `tools[${index}]`, faults));
}

function toolFrom(tool: unknown, field: string, faults: FaultCollector): OpenAiTool {
  const { type, name, description, input_schema: schema, strict } = faults.object(tool, field);
  const ownName = { name: faults.string(name, `${field}.name`) };
  if ((type ?? 'custom') !== 'custom') {
    faults.add(`${field}.type`, 'must be "custom"; built-in tools are supported by Anthropic workers only');
    return { type: 'function', function: ownName };
  }
  return {
    type: 'function',
    function: {
      ...ownName,
      ...(typeof description === 'string' ? { description } : {}),
      parameters: faults.object(schema, `${field}.input_schema`) as JsonObject,
      ...(strict === true ? { strict } : {}),
    },
  };
}

function toolChoiceFrom(
  { tool_choice: choice }: Fields,
  faults: FaultCollector,
): Pick<OpenAiChat, 'tool_choice' | 'parallel_tool_calls'> {
  if (!isPresent(choice)) return {};
  const { type, name, disable_parallel_tool_use: single } = faults.object(choice, 'tool_choice');
  const parallel = single === true ? { parallel_tool_calls: false } : {};
  if (type === 'tool')
    return {
      tool_choice: { type: 'function', function: { name: faults.string(name, 'tool_choice.name') } },
      ...parallel,
    };
  const known = typeof type === 'string' && Object.hasOwn(CHOICES, type) ? CHOICES[type] : undefined;
  if (known !== undefined) return { tool_choice: known, ...parallel };
  faults.add('tool_choice.type', 'must be "auto", "any", "tool" or "none"');
  return {};
}

const CHOICES: Readonly<Record<string, OpenAiToolChoice>> = { auto: 'auto', any: 'required', none: 'none' };
/** Where the inputs of called tools stand, whose digits must reach the worker. */
export const CALL_INPUTS = ['messages', null, 'content', null, 'input'] as const;

/** The messages are here so that a body with two lists is refused. */
const FIELDS: ReadonlySet<string> = new Set([
  'model',
  'service_tier',
  'stream',
  'messages',
  'thread',
  'container',
]);

/** Reads the fields of a body that routing needs. @throws InvalidInputError */
export function readMessage(
  http: Pick<RawBody, 'path' | 'query' | 'headers' | 'contentType'>,
  body: unknown,
): RawRequest & { readonly kept: KeptFields | null } {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const { model, span, stream, value } = parseBodyFields(bytes, FIELDS);
  return {
    raw: { dialect: 'anthropic', ...http, bytes, model: span, spelled: 'json' },
    model,
    stream,
    serviceTier: value('service_tier'),
    kept: keptFields(value('thread'), value('container'), http.headers),
  };
}
