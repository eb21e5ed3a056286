import { isJsonObject, parsedOrUndefined } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type {
  ChatAnswer,
  ChatEvent,
  OpenAiChat,
  OpenAiMessage,
  OpenAiTool,
  OpenAiToolCall,
} from '../chat/chat.js';
import type { AnswerAdapter } from './answer-adapter.js';
import { hashedName } from './tool-names.js';

/** The keys of properties at Anthropic: https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use */
const FITTING = /^[a-zA-Z0-9_.-]{1,64}$/;
const LONGEST = 64;

/** Gives the arguments of calls the client's names of parameters back. Those of a stream come when they are complete. */
class PropertyNames implements AnswerAdapter {
  private readonly open = new Map<number, string>();

  constructor(private readonly own: ReadonlyMap<string, string>) {}

  answer(answer: ChatAnswer): ChatAnswer {
    const toolCalls = answer.toolCalls.map((call) => ({
      ...call,
      function: { ...call.function, arguments: this.back(call.function.arguments) },
    }));
    return { ...answer, toolCalls };
  }

  event(event: ChatEvent): readonly ChatEvent[] {
    if (event.kind === 'tool_call') {
      this.open.set(event.index, (this.open.get(event.index) ?? '') + event.arguments);
      return event.id === undefined && event.name === undefined ? [] : [{ ...event, arguments: '' }];
    }
    if (event.kind !== 'finish') return [event];
    const calls = [...this.open].map(
      ([index, text]) => ({ kind: 'tool_call', index, arguments: this.back(text) }) as const,
    );
    this.open.clear();
    return [...calls, event];
  }

  private back(text: string): string {
    return withKeys(text, (name) => this.own.get(name) ?? name);
  }
}

/** The chat with names of parameters that the server takes: in the schemas of tools, and in the calls of earlier turns. */
export function withPropertyNames(
  chat: OpenAiChat,
  { property_names: rule }: Profile,
  note: (change: string) => void,
): { readonly chat: OpenAiChat; readonly adapter: (() => AnswerAdapter) | null } {
  const { tools } = chat;
  if (rule === 'any' || !Array.isArray(tools)) return { chat, adapter: null };
  const all = new Set<string>();
  for (const tool of tools as readonly unknown[]) collect(parametersOf(tool), all);
  const odd = [...all].filter((name) => !FITTING.test(name));
  if (odd.length === 0) return { chat, adapter: null };
  const sent = new Map<string, string>();
  const own = new Map<string, string>();
  for (const name of odd) {
    let short = fitting(name, 0);
    for (let nth = 1; all.has(short) || own.has(short); nth++) short = fitting(name, nth);
    sent.set(name, short);
    own.set(short, name);
    note(`parameter ${name}: sent as ${short}`);
  }
  const to = (name: string): string => sent.get(name) ?? name;
  return {
    chat: {
      ...chat,
      tools: (tools as readonly OpenAiTool[]).map((tool) => withSchema(tool, to)),
      messages: chat.messages.map((message) => withArguments(message, to)),
    },
    adapter: () => new PropertyNames(own),
  };
}

function fitting(name: string, nth: number): string {
  return hashedName(name.replaceAll(/[^a-zA-Z0-9_.-]/g, '_'), name, LONGEST, nth);
}

function parametersOf(tool: unknown): unknown {
  const called = isJsonObject(tool) ? tool['function'] : undefined;
  return isJsonObject(called) ? called['parameters'] : undefined;
}

/** Values in which no schema stands: their keys are data. */
const DATA: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples']);

function collect(schema: unknown, names: Set<string>): void {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (DATA.has(key)) continue;
    if (key !== 'properties' || !isJsonObject(value)) collect(value, names);
    else
      for (const [name, property] of Object.entries(value)) {
        names.add(name);
        collect(property, names);
      }
  }
}

function withSchema(tool: OpenAiTool, to: (name: string) => string): OpenAiTool {
  const parameters = parametersOf(tool);
  if (!isJsonObject(parameters)) return tool;
  return { ...tool, function: { ...tool.function, parameters: renamedSchema(parameters, to) } } as OpenAiTool;
}

function renamedSchema(schema: unknown, to: (name: string) => string): unknown {
  if (Array.isArray(schema)) return (schema as unknown[]).map((each) => renamedSchema(each, to));
  if (!isJsonObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (DATA.has(key)) return [key, value];
      if (key === 'required' && Array.isArray(value))
        return [key, (value as unknown[]).map((name) => (typeof name === 'string' ? to(name) : name))];
      if (key !== 'properties' || !isJsonObject(value)) return [key, renamedSchema(value, to)];
      const properties = Object.entries(value).map(([name, one]) => [to(name), renamedSchema(one, to)]);
      return [key, Object.fromEntries(properties) as unknown];
    }),
  );
}

function withArguments(message: OpenAiMessage, to: (name: string) => string): OpenAiMessage {
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls)) return message;
  return {
    ...message,
    tool_calls: (calls as readonly OpenAiToolCall[]).map((call) => {
      // What is no call is refused in words, later.
      const called: unknown = (call as Partial<OpenAiToolCall> | null)?.function;
      const text = isJsonObject(called) ? called['arguments'] : undefined;
      return typeof text === 'string'
        ? { ...call, function: { ...call.function, arguments: withKeys(text, to) } }
        : call;
    }),
  };
}

/** A text of JSON, and the colon after it where it is a key. */
const STRINGS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;

/** The JSON text with other keys, and every other character as it is. Text that is no object, such as a cut one, stays. */
function withKeys(text: string, to: (name: string) => string): string {
  if (!isJsonObject(parsedOrUndefined(text))) return text;
  return text.replaceAll(STRINGS, (string: string, colon: string | undefined) => {
    if (colon === undefined) return string;
    const name = JSON.parse(string.slice(0, -colon.length)) as string;
    const other = to(name);
    return other === name ? string : JSON.stringify(other) + colon;
  });
}
