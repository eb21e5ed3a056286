import { describeValue, isJsonObject } from '../../../input/json.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import type { OpenAiChat, OpenAiToolChoice, OpenAiTool } from '../../chat/chat.js';
import { FaultCollector, type Fields } from './fault-collector.js';
import { messagesFrom } from './client-messages.js';
import type { JsonValue } from '../../../template/json-value.js';
import type { RawBody } from '../../client/inference-request.js';
import { type RawRequest, parseBodyFields, startOf } from '../../passthrough/raw-request.js';

/** What other models are asked for differently, or not at all, and what would be missed if it were left out. */
const ANTHROPICS_OWN = ['container', 'mcp_servers', 'context_management'];

/**
 * The body of POST /v1/messages as a chat, its shape as in the types of @anthropic-ai/sdk. What steers Anthropic's own
 * models is a hint, and ignored: cache_control, citations, thinking, top_k, service_tier, output_config.effort,
 * diagnostics, inference_geo, speed.
 * @throws InvalidInputError with every fault, in Anthropic's words
 */
export function chatFromAnthropic(body: unknown): OpenAiChat {
  if (!isJsonObject(body))
    throw new InvalidInputError([
      { field: '', problem: `the body must be a JSON object${describeValue(body)}` },
    ]);
  const faults = new FaultCollector();
  for (const own of ANTHROPICS_OWN)
    if (isThere(body[own])) faults.add(own, "is known to Anthropic's own models only; leave it out");
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

function modelFrom({ model }: Fields, faults: FaultCollector): string {
  if (typeof model === 'string' && model.length >= 1 && model.length <= 200) return model;
  faults.add('model', `must name a model, 1 to 200 characters${describeValue(model)}`);
  return '';
}

function maxTokensFrom({ max_tokens: most }: Fields, faults: FaultCollector): number {
  if (typeof most === 'number' && Number.isSafeInteger(most) && most >= 1) return most;
  faults.add('max_tokens', `must be a whole number of 1 or more${describeValue(most)}`);
  return 1;
}

function stopsFrom({ stop_sequences: stops }: Fields, faults: FaultCollector): readonly string[] | undefined {
  if (!isThere(stops)) return undefined;
  const texts = faults
    .list(stops, 'stop_sequences')
    .map((stop, index) => faults.string(stop, `stop_sequences[${index}]`));
  return texts.length === 0 ? undefined : texts;
}

function userFrom({ metadata }: Fields, faults: FaultCollector): string | undefined {
  if (!isThere(metadata)) return undefined;
  const { user_id: user } = faults.object(metadata, 'metadata');
  return isThere(user) ? faults.string(user, 'metadata.user_id') : undefined;
}

/** OpenAI wants a name for the schema. */
function formatFrom({ output_config: config }: Fields, faults: FaultCollector): object | undefined {
  if (!isThere(config)) return undefined;
  const { format } = faults.object(config, 'output_config');
  if (!isThere(format)) return undefined;
  const { type, schema } = faults.object(format, 'output_config.format');
  if (type !== 'json_schema')
    faults.add('output_config.format.type', `must be json_schema${describeValue(type)}`);
  const checked = faults.object(schema, 'output_config.format.schema');
  return { type: 'json_schema', json_schema: { name: 'answer', schema: checked, strict: true } };
}

/** Anthropic always tells the usage, OpenAI when asked. */
function streamFrom(
  { stream }: Fields,
  faults: FaultCollector,
): Pick<OpenAiChat, 'stream' | 'stream_options'> {
  if (!isThere(stream) || stream === false) return {};
  if (stream !== true) faults.add('stream', `must be true or false${describeValue(stream)}`);
  return { stream: true, stream_options: { include_usage: true } };
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}

export function toolsFrom({ tools }: Fields, faults: FaultCollector): readonly OpenAiTool[] | undefined {
  if (tools === undefined || tools === null) return undefined;
  return faults.list(tools, 'tools').map((tool, index) => toolFrom(tool, `tools[${index}]`, faults));
}

function toolFrom(tool: unknown, field: string, faults: FaultCollector): OpenAiTool {
  const { type, name, description, input_schema: schema, strict } = faults.object(tool, field);
  const ownName = { name: faults.string(name, `${field}.name`) };
  if ((type ?? 'custom') !== 'custom') {
    faults.add(`${field}.type`, "must be custom: Anthropic's own tools are known to its own models only");
    return { type: 'function', function: ownName };
  }
  return {
    type: 'function',
    function: {
      ...ownName,
      ...(typeof description === 'string' ? { description } : {}),
      parameters: faults.object(schema, `${field}.input_schema`) as Readonly<Record<string, JsonValue>>,
      ...(strict === true ? { strict } : {}),
    },
  };
}

export function toolChoiceFrom(
  { tool_choice: choice }: Fields,
  faults: FaultCollector,
): Pick<OpenAiChat, 'tool_choice' | 'parallel_tool_calls'> {
  if (choice === undefined || choice === null) return {};
  const { type, name, disable_parallel_tool_use: single } = faults.object(choice, 'tool_choice');
  const parallel = single === true ? { parallel_tool_calls: false } : {};
  if (type === 'tool')
    return { tool_choice: { type: 'function', function: { name: chosen(name, faults) } }, ...parallel };
  const known = typeof type === 'string' && Object.hasOwn(CHOICES, type) ? CHOICES[type] : undefined;
  if (known !== undefined) return { tool_choice: known, ...parallel };
  faults.add('tool_choice.type', 'must be auto, any, tool or none');
  return {};
}

const CHOICES: Readonly<Record<string, OpenAiToolChoice>> = { auto: 'auto', any: 'required', none: 'none' };
function chosen(name: unknown, faults: FaultCollector): string {
  return faults.string(name, 'tool_choice.name');
}

const FIELDS: ReadonlySet<string> = new Set(['model', 'stream', 'metadata', 'messages']);

/** @throws InvalidInputError */
export function readMessage(
  called: Pick<RawBody, 'path' | 'query' | 'headers' | 'contentType'>,
  body: unknown,
): RawRequest {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const { model, span, stream, spanOf, value } = parseBodyFields(bytes, FIELDS);
  const metadata = value('metadata');
  const user = isJsonObject(metadata) ? metadata['user_id'] : undefined;
  return {
    raw: { dialect: 'anthropic', ...called, bytes, model: span, spelled: 'json' },
    model,
    stream,
    affinitySource: typeof user === 'string' ? user : startOf(bytes, spanOf('messages')),
  };
}
