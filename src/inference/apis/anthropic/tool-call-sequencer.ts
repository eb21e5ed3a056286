import { NeutralError } from '../../../upstream/upstream-errors.js';
import type { ChatEvent } from '../../chat/chat.js';
import { isCompleteObject } from '../../../input/json.js';

/** The events that become blocks of a message, and its end. */
export type OrderedEvent = Exclude<ChatEvent, { kind: 'thinking_blocks' }>;

/**
 * Orders the events of an answer so that nothing comes between the parts of a tool call: OpenAI interleaves calls,
 * Anthropic must not. Other events wait until the open call is complete, at most until the end of the answer.
 */
export class ToolCallSequencer {
  private open: { readonly index: number; arguments: string } | null = null;
  private readonly ended = new Set<number>();
  /** Waiting events by call index or kind. */
  private readonly waiting = new Map<number | 'text' | 'reasoning', OrderedEvent[]>();

  /** @returns the events that may be written now. @throws NeutralError if a call continues after its arguments were complete */
  next(event: OrderedEvent): readonly OrderedEvent[] {
    if (event.kind === 'usage') return [event];
    if (event.kind === 'finish') return [...this.release(() => true), event];
    const belongsTo = event.kind === 'tool_call' ? event.index : event.kind;
    if (event.kind === 'tool_call' && this.ended.has(event.index)) return onlyBlank(event);
    if (this.open !== null && this.open.index !== belongsTo && !this.isFree()) {
      const before = this.waiting.get(belongsTo);
      if (before === undefined) this.waiting.set(belongsTo, [event]);
      else before.push(event);
      return [];
    }
    this.track(event);
    return [event, ...this.release(() => this.isFree())];
  }

  private isFree(): boolean {
    return this.open === null || isCompleteObject(this.open.arguments);
  }

  private release(isFree: () => boolean): readonly OrderedEvent[] {
    const released: OrderedEvent[] = [];
    for (const [belongsTo, events] of this.waiting) {
      if (!isFree()) break;
      this.waiting.delete(belongsTo);
      for (const event of events) {
        this.track(event);
        released.push(event);
      }
    }
    return released;
  }

  private track(event: OrderedEvent): void {
    const call = event.kind === 'tool_call' ? event : null;
    if (call !== null && call.index === this.open?.index) {
      this.open.arguments += call.arguments;
      return;
    }
    if (this.open !== null) this.ended.add(this.open.index);
    this.open = call === null ? null : { index: call.index, arguments: call.arguments };
  }
}

function onlyBlank(call: Extract<ChatEvent, { kind: 'tool_call' }>): readonly OrderedEvent[] {
  if (call.arguments.trim() === '') return [];
  throw new NeutralError(`tool call ${call.index} continues after its arguments were complete`);
}
