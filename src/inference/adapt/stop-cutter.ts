import type { ChatAnswer, ChatEvent } from '../chat/chat.js';

/**
 * Cuts an answer at stop sequences that its server does not take. Of a stream, the text that may be the beginning of a
 * sequence is held back until that is certain.
 */
export class StopCutter {
  private held = '';
  private isCut = false;
  private readonly longest: number;

  /** @param stops one or more, none of them empty */
  constructor(private readonly stops: readonly string[]) {
    this.longest = Math.max(...stops.map((stop) => stop.length));
  }

  answer(answer: ChatAnswer): ChatAnswer {
    const first = firstOf(answer.text ?? '', this.stops);
    if (first === null) return answer;
    const { at, stopSequence } = first;
    // Calls come after the text: the model would have stopped before them.
    return { ...answer, text: (answer.text ?? '').slice(0, at), toolCalls: [], finish: 'stop', stopSequence };
  }

  event(event: ChatEvent): readonly ChatEvent[] {
    if (this.isCut) return event.kind === 'usage' ? [event] : [];
    if (event.kind !== 'text') return [...this.rest(), event];
    const text = this.held + event.text;
    const first = firstOf(text, this.stops);
    if (first !== null) {
      const { at, stopSequence } = first;
      this.isCut = true;
      this.held = '';
      return [...piece(text.slice(0, at)), { kind: 'finish', reason: 'stop', stopSequence }];
    }
    const safe = text.length - beginningAtEnd(text, this.stops, this.longest);
    this.held = text.slice(safe);
    return piece(text.slice(0, safe));
  }

  /** What was held back, for the end of the text. */
  private rest(): readonly ChatEvent[] {
    const { held } = this;
    this.held = '';
    return piece(held);
  }
}

function piece(text: string): readonly ChatEvent[] {
  return text === '' ? [] : [{ kind: 'text', text }];
}

interface FirstStop {
  /** Where it begins. */
  readonly at: number;
  readonly stopSequence: string;
}

/** The sequence that is complete first, as a model that writes token by token would stop; `null`: none. */
function firstOf(text: string, stops: readonly string[]): FirstStop | null {
  let start = -1;
  let end = Infinity;
  let found: FirstStop | null = null;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at === -1 || at + stop.length > end || (at + stop.length === end && at > start)) continue;
    start = at;
    end = at + stop.length;
    found = { at, stopSequence: stop };
  }
  return found;
}

/** The length of the longest end of the text that a stop sequence begins with. */
function beginningAtEnd(text: string, stops: readonly string[], longest: number): number {
  for (let length = Math.min(longest - 1, text.length); length > 0; length--) {
    const end = text.slice(-length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}
