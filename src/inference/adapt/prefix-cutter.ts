import type { ChatAnswer, ChatEvent } from '../chat/chat.js';
import type { AnswerAdapter } from './answer-adapter.js';

/**
 * Takes the beginning of an answer away that its client has sent and its server repeats, as Mistral's does. Of a stream, text is
 * held back as long as it may be a part of it.
 * https://github.com/vercel/ai/blob/main/packages/mistral/src/mistral-chat-language-model.ts
 */
export class PrefixCutter implements AnswerAdapter {
  private held = '';
  private isDone = false;

  constructor(private readonly prefix: string) {}

  answer(answer: ChatAnswer): ChatAnswer {
    const { text } = answer;
    return text?.startsWith(this.prefix) === true
      ? { ...answer, text: text.slice(this.prefix.length) }
      : answer;
  }

  event(event: ChatEvent): readonly ChatEvent[] {
    if (this.isDone) return [event];
    if (event.kind !== 'text') return [...this.rest(), event];
    this.held += event.text;
    const { held, prefix } = this;
    if (held.length < prefix.length && prefix.startsWith(held)) return [];
    this.isDone = true;
    this.held = held.startsWith(prefix) ? held.slice(prefix.length) : held;
    return this.rest();
  }

  private rest(): readonly ChatEvent[] {
    const { held } = this;
    this.held = '';
    return held === '' ? [] : [{ kind: 'text', text: held }];
  }
}
