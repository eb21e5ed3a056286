import type { ChatAnswer, ChatEvent, ExtraContent, OpenAiToolCall, Usage } from '../chat/chat.js';
import { largerUsage } from '../chat/answer-body.js';
import { extraOf } from '../chat/tool-calls.js';
import type { ResponseStream } from '../client/responder.js';

interface CollectedToolCall {
  id: string;
  name: string;
  args: string;
  extra_content?: ExtraContent;
}

/** Collects the events of a stream into a whole answer. */
export class AnswerCollector implements ResponseStream {
  private text = '';
  private reasoning = '';
  private blocks: ChatAnswer['thinkingBlocks'];
  private finish: ChatAnswer['finish'] = 'stop';
  private stopSequence: string | undefined;
  private usage: Usage | null = null;
  private readonly calls = new Map<number, CollectedToolCall>();

  event(event: ChatEvent): boolean {
    switch (event.kind) {
      case 'text':
        this.text += event.text;
        break;
      case 'reasoning':
        this.reasoning += event.text;
        break;
      case 'thinking_blocks':
        this.blocks = event.blocks;
        break;
      case 'tool_call': {
        const call: CollectedToolCall = this.calls.get(event.index) ?? { id: '', name: '', args: '' };
        call.id ||= event.id ?? '';
        call.name ||= event.name ?? '';
        call.args += event.arguments;
        Object.assign(call, extraOf(event));
        this.calls.set(event.index, call);
        break;
      }
      case 'finish':
        this.finish = event.reason;
        this.stopSequence = event.stopSequence;
        break;
      case 'usage':
        this.usage = largerUsage(this.usage, event.usage);
    }
    return true;
  }

  end(): void {}

  fail(): void {}

  get answer(): ChatAnswer {
    const toolCalls = [...this.calls.values()].map((call): OpenAiToolCall => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.args },
      ...extraOf(call),
    }));
    return {
      text: this.text === '' && toolCalls.length > 0 ? null : this.text,
      ...(this.reasoning === '' ? {} : { reasoning: this.reasoning }),
      ...(this.blocks === undefined ? {} : { thinkingBlocks: this.blocks }),
      toolCalls,
      finish: this.finish,
      ...(this.stopSequence === undefined ? {} : { stopSequence: this.stopSequence }),
      usage: this.usage,
    };
  }
}
