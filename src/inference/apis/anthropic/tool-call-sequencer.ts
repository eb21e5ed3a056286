import { NeutralError } from '../../../upstream/upstream-errors.js';
import type { ChatEvent } from '../../chat/chat.js';
import { isWholeObject } from '../../chat/json.js';

/**
 * Puts the events of an answer in an order in which nothing comes between the pieces of a call: OpenAI's format allows calls
 * to be written side by side, Anthropic's does not. What comes while a call is not whole waits for it, at most until the end.
 */
export class ToolCallSequencer {
  private open: { readonly index: number; arguments: string } | null = null;
  private readonly ended = new Set<number>();
  /** By what it belongs to. */
  private readonly waiting = new Map<number | 'text' | 'reasoning', ChatEvent[]>();

  /** @returns what may be written now @throws NeutralError where a call goes on though its arguments were whole */
  next(event: ChatEvent): readonly ChatEvent[] {
    if (event.kind === 'usage') return [event];
    if (event.kind === 'finish') return [...this.release(() => true), event];
    const belongsTo = event.kind === 'tool_call' ? event.index : event.kind;
    if (event.kind === 'tool_call' && this.ended.has(event.index)) return nothingMore(event);
    if (this.open !== null && this.open.index !== belongsTo && !this.isFree()) {
      const before = this.waiting.get(belongsTo);
      if (before === undefined) this.waiting.set(belongsTo, [event]);
      else before.push(event);
      return [];
    }
    this.pass(event);
    return [event, ...this.release(() => this.isFree())];
  }

  private isFree(): boolean {
    return this.open === null || isWholeObject(this.open.arguments);
  }

  private release(isFree: () => boolean): readonly ChatEvent[] {
    const released: ChatEvent[] = [];
    for (const [belongsTo, events] of this.waiting) {
      if (!isFree()) break;
      this.waiting.delete(belongsTo);
      for (const event of events) {
        this.pass(event);
        released.push(event);
      }
    }
    return released;
  }

  private pass(event: ChatEvent): void {
    const call = event.kind === 'tool_call' ? event : null;
    if (call !== null && call.index === this.open?.index) {
      this.open.arguments += call.arguments;
      return;
    }
    if (this.open !== null) this.ended.add(this.open.index);
    this.open = call === null ? null : { index: call.index, arguments: call.arguments };
  }
}

function nothingMore(call: Extract<ChatEvent, { kind: 'tool_call' }>): readonly ChatEvent[] {
  if (call.arguments.trim() === '') return [];
  throw new NeutralError(`the call ${call.index} goes on after its arguments were whole`);
}
