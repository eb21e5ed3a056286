import type { JsonValue } from '../../../template/json-value.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { UntranslatableError } from '../../chat/protocol-error.js';
import { isObject } from './json-object.js';

export interface Tool {
  readonly name: string;
  readonly description?: string;
  readonly parameters?: Readonly<Record<string, JsonValue>>;
  readonly strict: boolean;
  readonly field: string;
}

/** `{ name }`: that one must be called. */
export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string };

/** @throws UntranslatableError */
export function toolsOf({ tools }: OpenAiChat): readonly Tool[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw new UntranslatableError('tools', 'must be a list');
  return (tools as unknown[]).map((tool, index) => toolOf(tool, `tools[${index}]`));
}

function toolOf(tool: unknown, field: string): Tool {
  if (!isObject(tool) || tool['type'] !== 'function' || !isObject(tool['function']))
    throw new UntranslatableError(field, 'must be a function: this worker knows no other tools');
  const { name, description, parameters, strict } = tool['function'];
  if (typeof name !== 'string') throw new UntranslatableError(`${field}.function.name`, 'must be a string');
  const hasParameters = parameters !== undefined && parameters !== null;
  if (hasParameters && !isObject(parameters))
    throw new UntranslatableError(`${field}.function.parameters`, 'must be a JSON schema of an object');
  return {
    name,
    strict: strict === true,
    field,
    ...(typeof description === 'string' ? { description } : {}),
    ...(hasParameters ? { parameters: parameters as Readonly<Record<string, JsonValue>> } : {}),
  };
}

/** `undefined`: the caller leaves it open. @throws UntranslatableError */
export function toolChoiceOf(chat: OpenAiChat, tools: readonly Tool[]): ToolChoice | undefined {
  const choice: unknown = chat.tool_choice ?? undefined;
  if (choice === undefined || choice === 'none' || choice === 'auto') return choice;
  if (tools.length === 0) throw new UntranslatableError('tool_choice', 'asks for a tool, and there is none');
  if (choice === 'required') return choice;
  const chosen = isObject(choice) && choice['type'] === 'function' ? choice['function'] : undefined;
  if (isObject(chosen) && typeof chosen['name'] === 'string') return { name: chosen['name'] };
  throw new UntranslatableError('tool_choice', 'must be none, auto, required or one function');
}
