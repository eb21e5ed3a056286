import { describeValue, type Fields, isPresent } from '../../../input/json.js';
import type { FaultCollector } from '../../chat/fault-collector.js';
import type { ThinkingBlock } from '../../chat/thinking-blocks.js';
import { thinkingIn } from './kept-thinking.js';
import type { OpenAiMessage, OpenAiPart, OpenAiToolCall } from '../../chat/chat.js';

interface OpenMessage {
  role: 'assistant';
  content: string | null;
  reasoning_content?: string;
  thinking_blocks?: readonly ThinkingBlock[];
  tool_calls?: OpenAiToolCall[];
}

/**
 * `input` as messages. The items of one assistant turn (reasoning, text, calls) become one message; media in the output of a
 * tool follow it in a user message, because tool messages contain text only.
 */
export function messagesFromInput(input: unknown, faults: FaultCollector): readonly OpenAiMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const items = faults.list(input, 'input', 'must be a text or a list of items');
  if (Array.isArray(input) && items.length === 0) faults.add('input', 'must contain one or more items');
  const reader = new ItemReader(faults);
  for (const [index, item] of items.entries()) {
    const field = `input[${index}]`;
    reader.add(faults.object(item, field), field);
  }
  return reader.done();
}

class ItemReader {
  private readonly messages: OpenAiMessage[] = [];
  private open: OpenMessage | null = null;
  /** Media of tools, until the last output of the turn. */
  private media: OpenAiPart[] = [];

  constructor(private readonly faults: FaultCollector) {}

  add(item: Fields, field: string): void {
    const { type = 'message' } = item;
    switch (type) {
      case 'message':
        this.addMessage(item, field);
        return;
      case 'reasoning':
        this.addReasoning(item, field);
        return;
      case 'function_call':
        this.addCall(item, field);
        return;
      case 'function_call_output':
        this.addOutput(item, field);
        return;
      case 'item_reference':
        this.faults.add(
          field,
          'refers to a stored item; nothing is stored for this worker: send the item itself',
        );
        return;
      default:
        this.faults.add(
          `${field}.type`,
          `must be "message", "function_call", "function_call_output" or "reasoning": this worker has no built-in tools${describeValue(type)}`,
        );
    }
  }

  done(): readonly OpenAiMessage[] {
    this.close();
    return this.messages;
  }

  private addMessage({ role, content }: Fields, field: string): void {
    const path = `${field}.content`;
    const parts = typeof content === 'string' ? content : this.partsOf(content, path);
    switch (role) {
      case 'assistant': {
        const text = typeof parts === 'string' ? parts : textOf(parts);
        // A text after calls begins a turn of its own.
        if (this.open?.tool_calls !== undefined) this.close();
        const open = this.assistant();
        open.content = (open.content ?? '') + text;
        return;
      }
      case 'user':
        this.close();
        this.messages.push({ role, content: parts });
        return;
      case 'system':
      case 'developer':
        this.close();
        this.messages.push({ role: 'system', content: typeof parts === 'string' ? parts : textOf(parts) });
        return;
      default:
        this.faults.add(`${field}.role`, 'must be "user", "assistant", "system" or "developer"');
    }
  }

  /** Its text, else its summary, and the thinking that was kept in it. What another service encrypted cannot be read. */
  private addReasoning({ content, summary, encrypted_content: kept }: Fields, field: string): void {
    const texts = [content, summary].map((list) =>
      (Array.isArray(list) ? (list as unknown[]) : [])
        .map((part) => this.faults.object(part, field)['text'])
        .filter((text) => typeof text === 'string')
        .join('\n'),
    );
    const text = texts.find((each) => each !== '') ?? '';
    const blocks = thinkingIn(kept);
    // Without a text that is shown it stands behind the rest of its turn.
    if (text === '' && blocks.length > 0) {
      this.assistant().thinking_blocks = blocks;
      return;
    }
    if (this.open !== null && (this.open.content !== null || this.open.tool_calls !== undefined))
      this.close();
    if (text !== '') this.assistant().reasoning_content = text;
    if (blocks.length > 0) this.assistant().thinking_blocks = blocks;
  }

  private addCall({ call_id, name, arguments: text }: Fields, field: string): void {
    const { faults } = this;
    const open = this.assistant();
    open.tool_calls ??= [];
    open.tool_calls.push({
      id: faults.string(call_id, `${field}.call_id`),
      type: 'function',
      function: {
        name: faults.string(name, `${field}.name`),
        arguments: faults.string(text, `${field}.arguments`),
      },
    });
  }

  private addOutput({ call_id, output }: Fields, field: string): void {
    const id = this.faults.string(call_id, `${field}.call_id`);
    const parts = typeof output === 'string' ? output : this.partsOf(output, `${field}.output`);
    this.closeTurn();
    this.messages.push({
      role: 'tool',
      tool_call_id: id,
      content: typeof parts === 'string' ? parts : textOf(parts),
    });
    if (typeof parts !== 'string') this.media.push(...parts.filter((part) => !isText(part)));
  }

  private assistant(): OpenMessage {
    this.closeMedia();
    this.open ??= { role: 'assistant', content: null };
    return this.open;
  }

  private close(): void {
    this.closeTurn();
    this.closeMedia();
  }

  private closeTurn(): void {
    if (this.open !== null) this.messages.push({ ...this.open });
    this.open = null;
  }

  private closeMedia(): void {
    if (this.media.length > 0) this.messages.push({ role: 'user', content: this.media });
    this.media = [];
  }

  private partsOf(content: unknown, field: string): readonly OpenAiPart[] {
    return this.faults
      .list(content, field, 'must be a text or a list of parts')
      .flatMap((part, index) => this.partOf(part, `${field}[${index}]`));
  }

  private partOf(part: unknown, field: string): readonly OpenAiPart[] {
    const { faults } = this;
    const fields = faults.object(part, field);
    switch (fields['type']) {
      case 'input_text':
      case 'output_text':
      case 'text':
        return [{ type: 'text', text: faults.string(fields['text'], `${field}.text`) }];
      case 'refusal':
        return [{ type: 'text', text: faults.string(fields['refusal'], `${field}.refusal`) }];
      case 'input_image': {
        if (!isPresent(fields['image_url'])) return this.notStored(`${field}.image_url`);
        const url = faults.string(fields['image_url'], `${field}.image_url`);
        const detail = fields['detail'];
        return [{ type: 'image_url', image_url: { url, ...(typeof detail === 'string' ? { detail } : {}) } }];
      }
      case 'input_file': {
        if (!isPresent(fields['file_data'])) return this.notStored(`${field}.file_data`);
        const data = faults.string(fields['file_data'], `${field}.file_data`);
        const name = fields['filename'];
        return [
          {
            type: 'file',
            file: { file_data: data, ...(typeof name === 'string' ? { filename: name } : {}) },
          },
        ];
      }
      case 'input_audio':
        return [{ type: 'input_audio', input_audio: fields['input_audio'] }];
      default:
        faults.add(
          `${field}.type`,
          'must be "input_text", "output_text", "refusal", "input_image", "input_file" or "input_audio"',
        );
        return [];
    }
  }

  private notStored(field: string): readonly OpenAiPart[] {
    this.faults.add(
      field,
      'must hold the content: uploaded files (file_id) and file URLs are not read for this worker',
    );
    return [];
  }
}

function isText(part: OpenAiPart): part is { readonly type: 'text'; readonly text: string } {
  return part.type === 'text';
}

function textOf(parts: readonly OpenAiPart[]): string {
  return parts.map((part) => (isText(part) ? part.text : '')).join('');
}
