import type { OpenAiMessage } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';
import { type Part, partsOf, textsOf } from './parts.js';
import { isJsonObject } from '../../input/json.js';
import { type JsonObject } from './json.js';
import { signatureIn } from './tool-calls.js';

export interface Result {
  readonly call: Call;
  readonly parts: readonly Part[];
}

export interface UserTurn {
  readonly role: 'user';
  /** Of the calls in the turn before, in the order of those. */
  readonly results: readonly Result[];
  readonly parts: readonly Part[];
}

export interface AssistantTurn {
  readonly role: 'assistant';
  readonly texts: readonly string[];
  readonly calls: readonly Call[];
}

export interface Conversation {
  /** All that was said as system or developer, wherever it stood; empty if nothing was. */
  readonly system: string;
  /** Roles alternate, no turn is empty, and every call has its result in the turn after it. */
  readonly turns: readonly (UserTurn | AssistantTurn)[];
}

interface OpenUserTurn extends UserTurn {
  readonly results: Result[];
  readonly parts: Part[];
}

interface OpenAssistantTurn extends AssistantTurn {
  readonly texts: string[];
  readonly calls: Call[];
}

/**
 * OpenAI's messages as the turns of APIs in which two sides take turns, and results stand with the user.
 * @throws UnsupportedFieldError
 */
export function conversationOf(messages: readonly OpenAiMessage[]): Conversation {
  const turns = new Turns();
  const system = messages.flatMap((message, index) => turns.add(message, `messages[${index}]`)).join('\n');
  const taken = turns.end();
  if (taken.length > 0) return { system, turns: taken };
  if (system === '') throw new UnsupportedFieldError('messages', 'say nothing');
  // A chat of instructions only is a prompt: these APIs want a user to have spoken.
  return { system: '', turns: [{ role: 'user', results: [], parts: [{ kind: 'text', text: system }] }] };
}

class Turns {
  private readonly turns: (OpenUserTurn | OpenAssistantTurn)[] = [];

  /** @returns what it says as the system */
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
        const call = this.called(message.tool_call_id, `${field}.tool_call_id`);
        this.user().results.push({ call, parts: partsOf(message.content, content) });
        return [];
      }
      default:
        throw new UnsupportedFieldError(`${field}.role`, 'is none that this worker has a word for');
    }
  }

  end(): readonly (UserTurn | AssistantTurn)[] {
    return this.turns.map((turn, index) => {
      const next = this.turns[index + 1];
      if (turn.role === 'assistant') {
        const results = next?.role === 'user' ? next.results : [];
        const open = turn.calls.find((call) => !results.some((result) => result.call === call));
        if (open !== undefined) throw new UnsupportedFieldError(open.field, 'is answered by no tool message');
        return turn;
      }
      const before = this.turns[index - 1];
      const calls = before?.role === 'assistant' ? before.calls : [];
      const results = turn.results.toSorted((a, b) => calls.indexOf(a.call) - calls.indexOf(b.call));
      return { ...turn, results };
    });
  }

  private addAssistant(message: OpenAiMessage, field: string): void {
    if (isThere(message['audio']))
      throw new UnsupportedFieldError(`${field}.audio`, 'is known to OpenAI only');
    if (isThere(message['function_call']))
      throw new UnsupportedFieldError(`${field}.function_call`, 'is out of use: send tool_calls');
    const texts = textsOf(message.content, `${field}.content`);
    const refusal = textsOf(message['refusal'], `${field}.refusal`);
    const calls = callsOf(message.tool_calls, `${field}.tool_calls`);
    if (texts.length + refusal.length + calls.length === 0) return;
    const turn = this.assistant();
    turn.texts.push(...texts, ...refusal);
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
    const turn: OpenAssistantTurn = { role: 'assistant', texts: [], calls: [] };
    this.turns.push(turn);
    return turn;
  }

  /** Ids are only unique within a turn: some models count from 0 in each. */
  private called(id: unknown, field: string): Call {
    const last = this.turns.at(-1);
    const asked = last?.role === 'user' ? this.turns.at(-2) : last;
    const results = last?.role === 'user' ? last.results : [];
    const calls = asked?.role === 'assistant' ? asked.calls : [];
    const call = calls.find((one) => one.id === id && !results.some((result) => result.call === one));
    if (call === undefined)
      throw new UnsupportedFieldError(field, 'answers no open call of the assistant message before it');
    return call;
  }
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** A call of a tool that stands in the history. */
export interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: JsonObject;
  /** Gemini's, as its own OpenAI-compatible API hands it out: https://ai.google.dev/gemini-api/docs/thought-signatures */
  readonly signature?: string;
  readonly field: string;
}

/** The calls of an assistant's message. @throws UnsupportedFieldError */
export function callsOf(calls: unknown, field: string): readonly Call[] {
  if (calls === undefined || calls === null) return [];
  if (!Array.isArray(calls)) throw new UnsupportedFieldError(field, 'must be a list');
  return (calls as unknown[]).map((call, index) => callOf(call, `${field}[${index}]`));
}

function callOf(call: unknown, field: string): Call {
  if (!isJsonObject(call) || !isJsonObject(call['function']))
    throw new UnsupportedFieldError(field, 'must be the call of a function');
  const { id, function: called } = call;
  const { name, arguments: text } = called;
  if (typeof id !== 'string' || typeof name !== 'string')
    throw new UnsupportedFieldError(field, 'must have an id and the name of its function');
  const signature = signatureIn(call['extra_content']);
  const input = inputOf(text, `${field}.function.arguments`);
  return { id, name, input, field, ...(signature === undefined ? {} : { signature }) };
}

/** Models write no text at all where a tool takes nothing. */
function inputOf(text: unknown, field: string): JsonObject {
  if (text === undefined || text === null || text === '') return {};
  const input = typeof text === 'string' ? parsed(text) : undefined;
  if (!isJsonObject(input)) throw new UnsupportedFieldError(field, 'must be the text of a JSON object');
  return input as JsonObject;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
