import { isJsonObject, isPresent, type JsonObject } from '../../input/json.js';
import type { OpenAiChat } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';

/** The chat without these fields. */
export function without(chat: OpenAiChat, names: readonly string[]): OpenAiChat {
  return Object.fromEntries(Object.entries(chat).filter(([name]) => !names.includes(name))) as OpenAiChat;
}

export function maxTokensOf(chat: OpenAiChat): number | undefined {
  return chat.max_completion_tokens ?? chat.max_tokens ?? undefined;
}

/** @throws UnsupportedFieldError */
export function stopsOf({ stop }: OpenAiChat): readonly string[] {
  const stops: readonly unknown[] = Array.isArray(stop) ? stop : isPresent(stop) ? [stop] : [];
  return stops.filter((text): text is string => {
    if (typeof text !== 'string')
      throw new UnsupportedFieldError('stop', 'must be a string or a list of strings');
    return text !== '';
  });
}

/** The format of the answer's text; `schema` is what JSON must match, `null` for any JSON. */
export type AnswerFormat = 'text' | { readonly schema: JsonObject | null };

/** @throws UnsupportedFieldError */
export function answerFormatOf(chat: OpenAiChat): AnswerFormat {
  const format = chat['response_format'];
  if (!isPresent(format)) return 'text';
  const type = isJsonObject(format) ? format['type'] : undefined;
  if (type === 'text') return 'text';
  if (type === 'json_object') return { schema: null };
  const spec = isJsonObject(format) && type === 'json_schema' ? format['json_schema'] : undefined;
  if (isJsonObject(spec) && isJsonObject(spec['schema'])) return { schema: spec['schema'] as JsonObject };
  throw new UnsupportedFieldError(
    'response_format',
    'must be of type text, json_object, or json_schema with json_schema.schema',
  );
}

export interface Tool {
  readonly name: string;
  readonly description?: string;
  readonly parameters?: JsonObject;
  readonly strict: boolean;
  readonly field: string;
}

/** `{ name }`: this tool must be called. */
export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string };

/** The tools that may be called: with `allowed_tools`, the others are left out. @throws UnsupportedFieldError */
export function toolsOf({ tools, tool_choice: choice }: OpenAiChat): readonly Tool[] {
  if (!isPresent(tools)) return [];
  if (!Array.isArray(tools)) throw new UnsupportedFieldError('tools', 'must be a list of tools');
  const all = (tools as unknown[]).map((tool, index) => toolOf(tool, `tools[${index}]`));
  const allowed = allowedOf(choice);
  if (allowed === null) return all;
  return all.filter(({ name }) => allowed.names.has(name));
}

function toolOf(tool: unknown, field: string): Tool {
  if (!isJsonObject(tool) || tool['type'] !== 'function' || !isJsonObject(tool['function']))
    throw new UnsupportedFieldError(
      field,
      'must be of type "function": this worker supports no other type of tool',
    );
  const { name, description, parameters, strict } = tool['function'];
  if (typeof name !== 'string') throw new UnsupportedFieldError(`${field}.function.name`, 'must be a string');
  if (isPresent(parameters) && !isJsonObject(parameters))
    throw new UnsupportedFieldError(
      `${field}.function.parameters`,
      'must be an object: the JSON schema of the arguments',
    );
  return {
    name,
    strict: strict === true,
    field,
    ...(typeof description === 'string' ? { description } : {}),
    ...(isPresent(parameters) ? { parameters: parameters as JsonObject } : {}),
  };
}

/** `undefined`: the model decides. @throws UnsupportedFieldError */
export function toolChoiceOf(chat: OpenAiChat, tools: readonly Tool[]): ToolChoice | undefined {
  const choice: unknown = chat.tool_choice ?? undefined;
  const allowed = allowedOf(choice);
  if (allowed?.mode === 'auto') return 'auto';
  if (choice === undefined || choice === 'none' || choice === 'auto') return choice;
  if (tools.length === 0)
    throw new UnsupportedFieldError('tool_choice', 'requires a tool, but the request has none');
  if (choice === 'required' || allowed !== null) return 'required';
  const chosen = isJsonObject(choice) && choice['type'] === 'function' ? choice['function'] : undefined;
  if (isJsonObject(chosen) && typeof chosen['name'] === 'string') return { name: chosen['name'] };
  throw new UnsupportedFieldError(
    'tool_choice',
    'must be "none", "auto", "required", or an object of type "function" or "allowed_tools"',
  );
}

/** `{"type": "allowed_tools", "allowed_tools": {"mode", "tools"}}`; `null`: any other choice. @throws UnsupportedFieldError */
function allowedOf(choice: unknown): { readonly mode: string; readonly names: ReadonlySet<string> } | null {
  if (!isJsonObject(choice) || choice['type'] !== 'allowed_tools') return null;
  const field = 'tool_choice.allowed_tools';
  const allowed = choice['allowed_tools'];
  const mode = isJsonObject(allowed) ? allowed['mode'] : undefined;
  if (mode !== 'auto' && mode !== 'required')
    throw new UnsupportedFieldError(`${field}.mode`, 'must be "auto" or "required"');
  const tools = isJsonObject(allowed) ? allowed['tools'] : undefined;
  if (!Array.isArray(tools)) throw new UnsupportedFieldError(`${field}.tools`, 'must be a list of functions');
  const names = (tools as unknown[]).map((tool, index) => {
    const name = isJsonObject(tool) && isJsonObject(tool['function']) ? tool['function']['name'] : undefined;
    if (typeof name === 'string') return name;
    throw new UnsupportedFieldError(
      `${field}.tools[${index}]`,
      'must name a function: {"type":"function","function":{"name":"…"}}',
    );
  });
  return { mode, names: new Set(names) };
}
