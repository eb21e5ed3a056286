import type { JsonObject } from '../../../input/json.js';
import type { ChatEvent, FinishReason, Usage } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { keptThinking, ownId } from './kept-thinking.js';
import type { ResponseHead, StreamWriter } from '../../client/response-format.js';
import {
  callItem,
  type Echo,
  messageItem,
  reasoningItem,
  responseOf,
  type Status,
  statusOf,
  textPart,
} from './response-object.js';

/** Of `ResponseError` in the types of the openai package. */
export type FailureCode = 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt';

interface OpenItem {
  readonly kind: 'text' | 'reasoning' | 'call';
  readonly id: string;
  readonly at: number;
  readonly callId: string;
  readonly name: string;
  text: string;
}

/**
 * Writes an answer as the events of OpenAI's Responses API: https://platform.openai.com/docs/api-reference/responses-streaming.
 * A text or a reasoning ends when something else begins. Calls end with the answer, because parallel ones may alternate.
 */
export class ResponsesEventWriter implements StreamWriter {
  private sequence = 0;
  private started = false;
  private readonly output: JsonObject[] = [];
  private items = 0;
  /** The text or the reasoning that is being written. */
  private open: OpenItem | null = null;
  private readonly calls = new Map<number, OpenItem>();
  /** The first reasoning, where the client keeps thinking: it is done when the thinking has come, after all else. */
  private held: OpenItem | null = null;
  private kept: string | null = null;
  private finish: FinishReason | null = null;
  private usage: Usage | null = null;

  constructor(
    private readonly head: ResponseHead,
    private readonly echo: Echo,
    /** Whether the client keeps signed thinking for its next request. */
    private readonly keepsThinking = false,
  ) {}

  event(event: ChatEvent): string {
    const start = this.start();
    switch (event.kind) {
      case 'text':
      case 'reasoning':
        return start + this.piece(event.kind, event.text);
      case 'tool_call':
        return start + this.call(event);
      case 'finish':
        this.finish = event.reason;
        return start;
      case 'usage':
        this.usage = event.usage;
        return start;
      case 'thinking_blocks':
        if (this.keepsThinking) this.kept = keptThinking(event.blocks);
        return start;
    }
  }

  /** @throws ProtocolError if the answer was cut off */
  end(): string {
    const { finish, usage } = this;
    if (finish === null) throw new ProtocolError('the answer ended before it was complete');
    const status = statusOf(finish);
    const start = this.start();
    const items = this.closeAll(status);
    const response = responseOf(this.head, this.echo, status, this.output, { usage, finish });
    return start + items + this.written(`response.${status}`, { response });
  }

  /** The last event of an answer that broke off. */
  failed(message: string, code: FailureCode): string {
    const start = this.start();
    const error = { code, message };
    const output = [
      ...this.output.filter((item) => item !== undefined),
      ...this.unfinished().map((item) => itemOf(item, 'incomplete')),
    ];
    const response = responseOf(this.head, this.echo, 'failed', output, { usage: this.usage, error });
    return start + this.written('response.failed', { response });
  }

  private start(): string {
    if (this.started) return '';
    this.started = true;
    const response = responseOf(this.head, this.echo, 'in_progress', []);
    return (
      this.written('response.created', { response }) + this.written('response.in_progress', { response })
    );
  }

  private piece(kind: 'text' | 'reasoning', delta: string): string {
    let text = '';
    if (this.open?.kind !== kind) {
      text = this.closeText('completed');
      this.open = this.newItem(kind);
      text += this.begun(this.open);
    }
    const { open } = this;
    if (open === null) return text;
    open.text += delta;
    const logprobs = kind === 'text' ? { logprobs: [] } : {};
    return text + this.written(`response.${NAMES[kind]}.delta`, { ...partOf(open), delta, ...logprobs });
  }

  private call({ index, id, name, arguments: delta }: Extract<ChatEvent, { kind: 'tool_call' }>): string {
    let text = this.closeText('completed');
    let item = this.calls.get(index);
    if (item === undefined) {
      item = this.newItem('call', id ?? `call_${this.head.id}_${index}`, name ?? '');
      this.calls.set(index, item);
      text += this.added(item);
    }
    if (delta === '') return text;
    item.text += delta;
    const place = { item_id: item.id, output_index: item.at };
    return text + this.written('response.function_call_arguments.delta', { ...place, delta });
  }

  private newItem(kind: OpenItem['kind'], callId = '', name = ''): OpenItem {
    const at = this.items++;
    const unique = `${this.head.id}_${at}`;
    const id = ownId(kind === 'reasoning' ? 'rs' : kind === 'text' ? 'msg' : 'fc', unique);
    return { kind, id, at, callId, name, text: '' };
  }

  private begun(item: OpenItem): string {
    return (
      this.added(item) +
      this.written('response.content_part.added', { ...partOf(item), part: contentOf(item, '') })
    );
  }

  private closeText(status: Status): string {
    const { open } = this;
    if (open === null) return '';
    this.open = null;
    const { text } = open;
    const logprobs = open.kind === 'text' ? { logprobs: [] } : {};
    const kind = open.kind === 'text' ? 'text' : 'reasoning';
    return (
      this.written(`response.${NAMES[kind]}.done`, { ...partOf(open), text, ...logprobs }) +
      this.written('response.content_part.done', { ...partOf(open), part: contentOf(open, text) }) +
      (this.holds(open) ? '' : this.closed(open, status))
    );
  }

  private holds(item: OpenItem): boolean {
    if (!this.keepsThinking || this.held !== null || item.kind !== 'reasoning') return false;
    this.held = item;
    return true;
  }

  /** Thinking without a text that is shown is an item of its own. */
  private closeHeld(status: Status): string {
    const { held, kept } = this;
    if (held === null && kept === null) return '';
    const item = held ?? this.newItem('reasoning');
    const added = held === null ? this.added(item) : '';
    const whole = reasoningItem(item.id, held === null ? null : item.text, status, kept);
    this.output[item.at] = whole;
    return added + this.written('response.output_item.done', { output_index: item.at, item: whole });
  }

  private added(item: OpenItem): string {
    const shown = { output_index: item.at, item: itemOf(item, 'in_progress') };
    return this.written('response.output_item.added', shown);
  }

  private closeAll(status: Status): string {
    const text = this.closeText(status) + this.closeHeld(status);
    const calls = [...this.calls.values()].map((item) => {
      const place = { item_id: item.id, output_index: item.at };
      const done = { ...place, name: item.name, arguments: item.text };
      return this.written('response.function_call_arguments.done', done) + this.closed(item, status);
    });
    return text + calls.join('');
  }

  private closed(item: OpenItem, status: Status): string {
    const whole = itemOf(item, status);
    this.output[item.at] = whole;
    return this.written('response.output_item.done', { output_index: item.at, item: whole });
  }

  private unfinished(): readonly OpenItem[] {
    const texts = [this.held, this.open].filter((item) => item !== null);
    return [...texts, ...this.calls.values()].toSorted((a, b) => a.at - b.at);
  }

  /** JSON has no line breaks: one line of data. */
  private written(type: string, fields: JsonObject): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.sequence++, ...fields })}\n\n`;
  }
}

const NAMES = { text: 'output_text', reasoning: 'reasoning_text' } as const;

function partOf({ id, at }: OpenItem): JsonObject {
  return { item_id: id, output_index: at, content_index: 0 };
}

function contentOf({ kind }: OpenItem, text: string): JsonObject {
  return kind === 'reasoning' ? { type: 'reasoning_text', text } : textPart(text);
}

/** An item that is in progress shows no content yet, but a call its name. */
function itemOf({ kind, id, callId, name, text }: OpenItem, status: Status): JsonObject {
  const shown = status === 'in_progress' ? null : text;
  if (kind === 'reasoning') return reasoningItem(id, shown, status);
  if (kind === 'text') return messageItem(id, shown, status);
  return callItem(id, callId, { name, arguments: shown ?? '' }, status);
}
