import type { ChatEvent, FinishReason, Usage } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { UNSIGNED } from '../../chat/thinking-blocks.js';
import type { JsonObject } from '../../../input/json.js';
import {
  type MessageHead,
  messageOf,
  textBlock,
  thinkingBlock,
  toolUseBlock,
  usageFields,
  stopReasonOf,
} from './message.js';
import { type OrderedEvent, ToolCallSequencer } from './tool-call-sequencer.js';

/** The block that is being written; each block is closed before the next one starts. */
interface OpenBlock {
  readonly kind: 'text' | 'reasoning' | 'tool_call';
  /** The index of the call. */
  readonly call?: number;
}

/**
 * Writes an answer as the SSE events of Anthropic: message_start, the blocks, message_delta, message_stop.
 * https://platform.claude.com/docs/en/build-with-claude/streaming
 */
export class AnthropicEventWriter {
  private started = false;
  private open: OpenBlock | null = null;
  private blocks = 0;
  private readonly order = new ToolCallSequencer();
  private finish: FinishReason | null = null;
  private stopSequence: string | undefined;
  private usage: Usage | null = null;

  constructor(private readonly head: MessageHead) {}

  private start(): string {
    if (this.started) return '';
    this.started = true;
    return sse('message_start', { message: messageOf(this.head, [], null, null) });
  }

  /** @returns perhaps nothing yet @throws NeutralError if a call goes on after its end */
  write(event: ChatEvent): string {
    // Answers of Anthropic's own models pass through: these blocks are for clients of other APIs.
    if (event.kind === 'thinking_blocks') return this.start();
    const events = this.order.next(event);
    return events.length === 0 ? this.start() : events.map((each) => this.written(each)).join('');
  }

  /** @throws ProtocolError if the answer was cut off */
  end(): string {
    if (this.finish === null) throw new ProtocolError('the answer ended before it was complete');
    const delta = {
      stop_reason: stopReasonOf(this.finish, this.stopSequence),
      stop_sequence: this.stopSequence ?? null,
      stop_details: null,
      container: null,
    };
    const usage = usageFields(this.usage);
    return `${this.start()}${this.close()}${sse('message_delta', { delta, usage })}${sse('message_stop', {})}`;
  }

  private written(event: OrderedEvent): string {
    switch (event.kind) {
      case 'finish':
        this.finish = event.reason;
        this.stopSequence = event.stopSequence;
        return this.start();
      case 'usage':
        this.usage = event.usage;
        return this.start();
      case 'text':
        return this.piece({ kind: 'text' }, textBlock(''), { type: 'text_delta', text: event.text });
      case 'reasoning':
        return this.piece({ kind: 'reasoning' }, thinkingBlock('', ''), {
          type: 'thinking_delta',
          thinking: event.text,
        });
      case 'tool_call': {
        const { index: call, id = `call_${call}`, name = '' } = event;
        const delta = { type: 'input_json_delta', partial_json: event.arguments };
        return this.piece({ kind: 'tool_call', call }, toolUseBlock(id, name, {}), delta);
      }
    }
  }

  private piece(block: OpenBlock, empty: JsonObject, delta: JsonObject): string {
    let text = this.start();
    if (block.kind !== this.open?.kind || block.call !== this.open.call) {
      text += this.close();
      this.open = block;
      text += sse('content_block_start', { index: this.blocks, content_block: empty });
    }
    return text + sse('content_block_delta', { index: this.blocks, delta });
  }

  private close(): string {
    if (this.open === null) return '';
    const delta = { type: 'signature_delta', signature: UNSIGNED };
    const signed =
      this.open.kind === 'reasoning' ? sse('content_block_delta', { index: this.blocks, delta }) : '';
    this.open = null;
    return signed + sse('content_block_stop', { index: this.blocks++ });
  }
}

/** JSON has no line breaks: one line of data. */
function sse(type: string, fields: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
