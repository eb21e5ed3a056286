import { createHash } from 'node:crypto';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { ChatAnswer, ChatEvent, OpenAiChat, OpenAiMessage, OpenAiToolCall } from '../chat/chat.js';
import { isJsonObject } from '../../input/json.js';
import type { AnswerAdapter } from './answer-adapter.js';

interface NameRule {
  readonly longest: number;
  readonly first: RegExp;
  /** Any other character becomes `_`. */
  readonly others: RegExp;
}

/** What each vendor's reference allows as the name of a function. */
const RULES: Readonly<Record<Exclude<Profile['tool_names'], 'any'>, NameRule>> = {
  // https://platform.openai.com/docs/api-reference/chat/create#chat_create-tools
  openai: { longest: 64, first: /[a-zA-Z0-9_-]/, others: /[^a-zA-Z0-9_-]/g },
  // https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
  anthropic: { longest: 128, first: /[a-zA-Z0-9_-]/, others: /[^a-zA-Z0-9_-]/g },
  // https://ai.google.dev/api/caching#FunctionDeclaration
  gemini: { longest: 64, first: /[a-zA-Z_]/, others: /[^a-zA-Z0-9_.:-]/g },
};

/** The client's names of tools by the names that the server got, one to one. */
export class Names implements AnswerAdapter {
  private readonly sent = new Map<string, string>();
  private readonly own = new Map<string, string>();

  /** @param taken the names that stay as they are */
  constructor(
    private readonly rule: NameRule,
    private readonly taken: ReadonlySet<string>,
  ) {}

  /** The name for the server. */
  to(name: string): string {
    const known = this.sent.get(name);
    if (known !== undefined) return known;
    let short = fitting(name, this.rule);
    for (let nth = 1; short !== name && (this.own.has(short) || this.taken.has(short)); nth++)
      short = fitting(name, this.rule, nth);
    this.sent.set(name, short);
    this.own.set(short, name);
    return short;
  }

  /** The client's name; a name that the server made up stays. */
  back(name: string): string {
    return this.own.get(name) ?? name;
  }

  answer(answer: ChatAnswer): ChatAnswer {
    if (answer.toolCalls.length === 0) return answer;
    return { ...answer, toolCalls: answer.toolCalls.map((call) => renamed(call, (name) => this.back(name))) };
  }

  event(event: ChatEvent): readonly ChatEvent[] {
    const isNamed = event.kind === 'tool_call' && event.name !== undefined;
    return [isNamed ? { ...event, name: this.back(event.name) } : event];
  }
}

function isFitting(name: string, { longest, first, others }: NameRule): boolean {
  return name.length <= longest && first.test(name.charAt(0)) && name.search(others) === -1;
}

/** A name that the server takes. */
function fitting(name: string, rule: NameRule, nth = 0): string {
  if (nth === 0 && isFitting(name, rule)) return name;
  const clean = name.replaceAll(rule.others, '_');
  return hashedName(rule.first.test(clean.charAt(0)) ? clean : `_${clean}`, name, rule.longest, nth);
}

/**
 * Ends in a hash of the whole name, so that a chat's later turns use the same.
 * @param clean the name in characters that the server takes. @param nth above 0: another one, where one is taken
 */
export function hashedName(clean: string, name: string, longest: number, nth: number): string {
  const hash = createHash('sha256').update(`${nth}:${name}`).digest('hex').slice(0, 8);
  return `${clean.slice(0, longest - hash.length - 1)}_${hash}`;
}

/** The chat with names that the server takes, everywhere: tools, tool_choice, calls of earlier turns. */
export function withToolNames(
  chat: OpenAiChat,
  { tool_names: whose }: Profile,
  note: (change: string) => void,
): { readonly chat: OpenAiChat; readonly names: Names | null } {
  if (whose === 'any') return { chat, names: null };
  const rule = RULES[whose];
  const all = namesIn(chat);
  if (all.every((name) => isFitting(name, rule))) return { chat, names: null };
  const names = new Names(rule, new Set(all.filter((name) => isFitting(name, rule))));
  for (const name of new Set(all))
    if (names.to(name) !== name) note(`tool ${name}: sent as ${names.to(name)}`);
  const to = (name: string): string => names.to(name);
  return {
    names,
    chat: {
      ...chat,
      messages: chat.messages.map((message) => withCalls(message, to)),
      ...(Array.isArray(chat.tools) ? { tools: chat.tools.map((tool) => renamed(tool, to)) } : {}),
      ...(isJsonObject(chat.tool_choice) ? { tool_choice: withChoice(chat.tool_choice, to) } : {}),
    } as OpenAiChat,
  };
}

function namesIn({ tools, messages }: OpenAiChat): readonly string[] {
  const calls = messages.flatMap(({ tool_calls }) => (Array.isArray(tool_calls) ? tool_calls : []));
  return [...(Array.isArray(tools) ? tools : []), ...calls].flatMap((holder: unknown) => {
    const called = isJsonObject(holder) ? holder['function'] : undefined;
    return isJsonObject(called) && typeof called['name'] === 'string' ? [called['name']] : [];
  });
}

function withCalls(message: OpenAiMessage, to: (name: string) => string): OpenAiMessage {
  const { tool_calls: calls } = message;
  return Array.isArray(calls)
    ? { ...message, tool_calls: (calls as readonly OpenAiToolCall[]).map((call) => renamed(call, to)) }
    : message;
}

/** A tool or a call with another name of its function; anything else stays, for the checks that come after. */
function renamed<Holder>(holder: Holder, to: (name: string) => string): Holder {
  const called = isJsonObject(holder) ? holder['function'] : undefined;
  if (!isJsonObject(called) || typeof called['name'] !== 'string') return holder;
  return { ...holder, function: { ...called, name: to(called['name']) } };
}

/** `{"type": "function"}` names one, `{"type": "allowed_tools"}` a list. */
function withChoice(choice: Readonly<Record<string, unknown>>, to: (name: string) => string): unknown {
  const allowed = choice['allowed_tools'];
  if (!isJsonObject(allowed) || !Array.isArray(allowed['tools'])) return renamed(choice, to);
  const tools = (allowed['tools'] as unknown[]).map((tool) => renamed(tool, to));
  return { ...choice, allowed_tools: { ...allowed, tools } };
}
