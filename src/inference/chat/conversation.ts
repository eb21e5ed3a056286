import type { OpenAiMessage, OpenAiPart } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';
import { isJsonObject, isPresent } from '../../input/json.js';
import { Call, callsOf } from './tool-calls.js';

/** Bytes in base64, or their URL. */
export type Media = { readonly mediaType: string; readonly base64: string } | { readonly url: string };

/** A part of a message; `field` is its path in the chat, for errors of workers that cannot take it. */
export type ContentPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image' | 'audio'; readonly media: Media; readonly field: string }
  | { readonly kind: 'file'; readonly media: Media; readonly name?: string; readonly field: string };

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
    const turn: OpenAssistantTurn = { role: 'assistant', texts: [], calls: [] };
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

/**
 * Content as parts; its shape is checked already (parse-chat.ts). Blank text is left out: neither Anthropic nor Gemini
 * accepts it.
 * @throws UnsupportedFieldError
 */
export function partsOf(content: OpenAiMessage['content'], field: string): readonly ContentPart[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return textPart(content);
  return content.flatMap((part, index) => partOf(part, `${field}[${index}]`));
}

/** Content of roles that send text only. @throws UnsupportedFieldError */
export function textsOf(content: OpenAiMessage['content'], field: string): readonly string[] {
  return partsOf(content, field).map((part) => {
    if (part.kind === 'text') return part.text;
    throw new UnsupportedFieldError(
      part.field,
      `${part.kind} content is not supported in a message of this role; use text`,
    );
  });
}

function partOf(part: OpenAiPart, field: string): readonly ContentPart[] {
  const fields: Readonly<Record<string, unknown>> = part;
  switch (part.type) {
    case 'text':
      return textPart(stringIn(part, 'text', field));
    case 'refusal':
      return textPart(stringIn(part, 'refusal', field));
    case 'image_url': {
      const path = `${field}.image_url`;
      return [
        { kind: 'image', media: mediaOf(stringIn(fields['image_url'], 'url', path), `${path}.url`), field },
      ];
    }
    case 'file':
      return [fileOf(fields['file'], field)];
    case 'input_audio': {
      const audio = fields['input_audio'];
      const format = stringIn(audio, 'format', `${field}.input_audio`);
      const base64 = stringIn(audio, 'data', `${field}.input_audio`);
      return [{ kind: 'audio', media: { mediaType: `audio/${format}`, base64 }, field }];
    }
    default:
      throw new UnsupportedFieldError(
        field,
        `content type "${part.type.slice(0, 50)}" is not supported by this worker; use text, image_url, file or input_audio`,
      );
  }
}

function fileOf(file: unknown, field: string): ContentPart {
  if (!isJsonObject(file) || typeof file['file_data'] !== 'string')
    throw new UnsupportedFieldError(
      `${field}.file`,
      'must contain file_data; files uploaded elsewhere (file_id) are not supported',
    );
  const media = mediaOf(file['file_data'], `${field}.file.file_data`);
  const name = file['filename'];
  return { kind: 'file', media, field, ...(typeof name === 'string' && name !== '' ? { name } : {}) };
}

function textPart(text: string): readonly ContentPart[] {
  return text.trim() === '' ? [] : [{ kind: 'text', text }];
}

function mediaOf(url: string, field: string): Media {
  if (/^https?:\/\//i.test(url)) return { url };
  // Split by hand: a pattern over megabytes of base64 is slow.
  const comma = url.indexOf(',');
  const head = /^data:([^;,]+)(?:;[^;,]*)*;base64$/i.exec(url.slice(0, Math.min(Math.max(comma, 0), 200)));
  const mediaType = head?.[1];
  if (mediaType === undefined)
    throw new UnsupportedFieldError(field, 'must be an http(s) URL or a data URL in base64');
  return { mediaType: mediaType.toLowerCase(), base64: url.slice(comma + 1) };
}

function stringIn(holder: unknown, key: string, field: string): string {
  const value = isJsonObject(holder) ? holder[key] : undefined;
  if (typeof value === 'string') return value;
  throw new UnsupportedFieldError(`${field}.${key}`, 'must be a string');
}
