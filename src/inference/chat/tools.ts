import type { JsonValue } from '../../template/json-value.js';
import type { OpenAiChat } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';
import { isJsonObject } from '../../input/json.js';

export interface Tool {
  readonly name: string;
  readonly description?: string;
  readonly parameters?: Readonly<Record<string, JsonValue>>;
  readonly strict: boolean;
  readonly field: string;
}

/** `{ name }`: that one must be called. */
export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string };

/** Those that may be called: where tool_choice allows only some, the others are not told of. @throws UnsupportedFieldError */
export function toolsOf({ tools, tool_choice: choice }: OpenAiChat): readonly Tool[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw new UnsupportedFieldError('tools', 'must be a list');
  const all = (tools as unknown[]).map((tool, index) => toolOf(tool, `tools[${index}]`));
  const allowed = allowedOf(choice);
  if (allowed === null) return all;
  return all.filter(({ name }) => allowed.names.has(name));
}

function toolOf(tool: unknown, field: string): Tool {
  if (!isJsonObject(tool) || tool['type'] !== 'function' || !isJsonObject(tool['function']))
    throw new UnsupportedFieldError(field, 'must be a function: this worker knows no other tools');
  const { name, description, parameters, strict } = tool['function'];
  if (typeof name !== 'string') throw new UnsupportedFieldError(`${field}.function.name`, 'must be a string');
  const hasParameters = parameters !== undefined && parameters !== null;
  if (hasParameters && !isJsonObject(parameters))
    throw new UnsupportedFieldError(`${field}.function.parameters`, 'must be a JSON schema of an object');
  return {
    name,
    strict: strict === true,
    field,
    ...(typeof description === 'string' ? { description } : {}),
    ...(hasParameters ? { parameters: parameters as Readonly<Record<string, JsonValue>> } : {}),
  };
}

/** `undefined`: the caller leaves it open. @throws UnsupportedFieldError */
export function toolChoiceOf(chat: OpenAiChat, tools: readonly Tool[]): ToolChoice | undefined {
  const choice: unknown = chat.tool_choice ?? undefined;
  const allowed = allowedOf(choice);
  if (allowed?.mode === 'auto') return 'auto';
  if (choice === undefined || choice === 'none' || choice === 'auto') return choice;
  if (tools.length === 0)
    throw new UnsupportedFieldError('tool_choice', 'asks for a tool, and there is none');
  if (choice === 'required' || allowed !== null) return 'required';
  const chosen = isJsonObject(choice) && choice['type'] === 'function' ? choice['function'] : undefined;
  if (isJsonObject(chosen) && typeof chosen['name'] === 'string') return { name: chosen['name'] };
  throw new UnsupportedFieldError('tool_choice', 'must be none, auto, required or one function');
}

/** `{"type": "allowed_tools", "allowed_tools": {"mode", "tools"}}`; `null`: it is none. @throws UnsupportedFieldError */
function allowedOf(choice: unknown): { readonly mode: string; readonly names: ReadonlySet<string> } | null {
  if (!isJsonObject(choice) || choice['type'] !== 'allowed_tools') return null;
  const field = 'tool_choice.allowed_tools';
  const allowed = choice['allowed_tools'];
  const mode = isJsonObject(allowed) ? allowed['mode'] : undefined;
  if (mode !== 'auto' && mode !== 'required')
    throw new UnsupportedFieldError(`${field}.mode`, 'must be auto or required');
  const tools = isJsonObject(allowed) ? allowed['tools'] : undefined;
  if (!Array.isArray(tools)) throw new UnsupportedFieldError(`${field}.tools`, 'must be a list');
  const names = (tools as unknown[]).map((tool, index) => {
    const name = isJsonObject(tool) && isJsonObject(tool['function']) ? tool['function']['name'] : undefined;
    if (typeof name === 'string') return name;
    throw new UnsupportedFieldError(`${field}.tools[${index}]`, 'must be a function');
  });
  return { mode, names: new Set(names) };
}
