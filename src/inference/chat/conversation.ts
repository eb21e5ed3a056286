import type { OpenAiMessage } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';
import { isPresent } from '../../input/json.js';
import { type ContentPart, partsOf, textsOf } from './content-parts.js';
import { type ThinkingBlock, thinkingBlocksIn } from './thinking-blocks.js';
import { Call, callsOf } from './tool-calls.js';

export interface Result {
  readonly call: Call;
  readonly parts: readonly ContentPart[];
}

export interface UserTurn {
  readonly role: 'user';
  /** Of the calls of the turn before, in their order. */
  readonly results: readonly Result[];
  readonly parts: readonly ContentPart[];
}

export interface AssistantTurn {
  readonly role: 'assistant';
  /** Signed by Anthropic. */
  readonly thinking: readonly ThinkingBlock[];
  readonly texts: readonly string[];
  readonly calls: readonly Call[];
}

export interface Conversation {
  /** All system and developer messages, wherever they are; empty if there are none. */
  readonly system: string;
  /** Roles alternate, no turn is empty, and every call has its result in the next turn. */
  readonly turns: readonly (UserTurn | AssistantTurn)[];
}

interface OpenUserTurn extends UserTurn {
  readonly results: Result[];
  readonly parts: ContentPart[];
}

interface OpenAssistantTurn extends AssistantTurn {
  readonly thinking: ThinkingBlock[];
  readonly texts: string[];
  readonly calls: Call[];
}

/**
 * OpenAI messages as the alternating turns of Anthropic and Gemini, in which tool results belong to the user.
 * @throws UnsupportedFieldError
 */
export function conversationOf(messages: readonly OpenAiMessage[]): Conversation {
  const builder = new ConversationBuilder();
  const system = messages.flatMap((message, index) => builder.add(message, `messages[${index}]`)).join('\n');
  const turns = builder.build();
  if (turns.length > 0) return { system, turns };
  if (system === '')
    throw new UnsupportedFieldError('messages', 'all are empty; at least one must have content');
  // These APIs require a user turn: instructions alone become one.
  return { system: '', turns: [{ role: 'user', results: [], parts: [{ kind: 'text', text: system }] }] };
}

class ConversationBuilder {
  private readonly turns: (OpenUserTurn | OpenAssistantTurn)[] = [];

  /** @returns the system texts of the message */
  add(message: OpenAiMessage, field: string): readonly string[] {
    const content = `${field}.content`;
    switch (message.role) {
      case 'system':
      case 'developer':
        return textsOf(message.content, content);
      case 'user': {
        const parts = partsOf(message.content, content);
        if (parts.length > 0) this.user().parts.push(...parts);
        return [];
      }
      case 'assistant':
        this.addAssistant(message, field);
        return [];
      case 'tool': {
        const call = this.openCall(message.tool_call_id, `${field}.tool_call_id`);
        this.user().results.push({ call, parts: partsOf(message.content, content) });
        return [];
      }
      default:
        throw new UnsupportedFieldError(
          `${field}.role`,
          'not supported by this worker; use system, developer, user, assistant or tool',
        );
    }
  }

  build(): readonly (UserTurn | AssistantTurn)[] {
    return this.turns.map((turn, index) => {
      const next = this.turns[index + 1];
      if (turn.role === 'assistant') {
        const results = next?.role === 'user' ? next.results : [];
        const open = turn.calls.find((call) => !results.some((result) => result.call === call));
        if (open !== undefined)
          throw new UnsupportedFieldError(open.field, 'must be answered by a tool message that follows it');
        return turn;
      }
      const before = this.turns[index - 1];
      const calls = before?.role === 'assistant' ? before.calls : [];
      const results = turn.results.toSorted((a, b) => calls.indexOf(a.call) - calls.indexOf(b.call));
      return { ...turn, results };
    });
  }

  private addAssistant(message: OpenAiMessage, field: string): void {
    if (isPresent(message['audio']))
      throw new UnsupportedFieldError(`${field}.audio`, 'not supported by this worker; leave it out');
    if (isPresent(message['function_call']))
      throw new UnsupportedFieldError(
        `${field}.function_call`,
        'deprecated and not supported by this worker; use tool_calls',
      );
    const texts = [
      ...textsOf(message.content, `${field}.content`),
      ...textsOf(refusalOf(message, field), `${field}.refusal`),
    ];
    const calls = callsOf(message.tool_calls, `${field}.tool_calls`);
    if (texts.length + calls.length === 0) return;
    const turn = this.assistant();
    turn.thinking.push(...thinkingBlocksIn(message.thinking_blocks));
    turn.texts.push(...texts);
    turn.calls.push(...calls);
  }

  private user(): OpenUserTurn {
    const last = this.turns.at(-1);
    if (last?.role === 'user') return last;
    const turn: OpenUserTurn = { role: 'user', results: [], parts: [] };
    this.turns.push(turn);
    return turn;
  }

  private assistant(): OpenAssistantTurn {
    const last = this.turns.at(-1);
    if (last?.role === 'assistant') return last;
    const turn: OpenAssistantTurn = { role: 'assistant', thinking: [], texts: [], calls: [] };
    this.turns.push(turn);
    return turn;
  }

  /** Ids are unique within a turn only: some models count from 0 in each. */
  private openCall(id: unknown, field: string): Call {
    const last = this.turns.at(-1);
    const before = last?.role === 'user' ? this.turns.at(-2) : last;
    const results = last?.role === 'user' ? last.results : [];
    const calls = before?.role === 'assistant' ? before.calls : [];
    const call = calls.find((one) => one.id === id && !results.some((result) => result.call === one));
    if (call !== undefined) return call;
    throw new UnsupportedFieldError(
      field,
      'must be the id of an unanswered tool call in the assistant message before it',
    );
  }
}

function refusalOf({ refusal }: OpenAiMessage, field: string): string | null {
  if (!isPresent(refusal)) return null;
  if (typeof refusal === 'string') return refusal;
  throw new UnsupportedFieldError(`${field}.refusal`, 'must be a string');
}
