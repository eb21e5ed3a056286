import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { ChatAnswer, ChatEvent, ExtraContent, OpenAiToolCall, Usage } from '../chat/chat.js';
import { extraOf } from '../chat/extra-content.js';
import { decodeStream } from '../streams/decode-stream.js';
import type { InferenceRequest } from '../request/inference-request.js';
import { noteUsage } from '../replies/note-usage.js';
import type { Talk } from '../protocols/talk.js';
import { beforeAnyPiece } from './unbegun-error.js';
import { eventsInstead, isWholeInstead } from './whole-instead.js';
import type { AnswerPieces } from '../replies/reply.js';

export interface RelayedPieces extends AnswerPieces {
  /** Something was given on: nobody else may answer now. */
  readonly hasBegun: boolean;
}

type StreamTalk = Extract<Talk, { mode: 'stream' }>;

/** After the end marker, for what the answer cost: it comes at once, or there is none. */
const COUNTING_MS = 1_000;

/**
 * Reads an upstream's stream and gives its events on, at the caller's pace; resolves after the last one, which an end
 * marker is, too: there are servers that keep the connection open behind it.
 * @throws UpstreamError, ProtocolError: it broke off; `pieces` was told. UnbegunError: before anything of an answer came
 */
export async function relayStream(
  answer: OpenAnswer,
  talk: StreamTalk,
  pieces: RelayedPieces,
): Promise<void> {
  const reader = talk.reader();
  let hasRoom = true;
  let isComplete = false;
  const give = (events: readonly ChatEvent[]): void => {
    for (const event of events) {
      isComplete ||= event.kind === 'finish';
      hasRoom = pieces.event(event) && hasRoom;
    }
  };
  let counting: NodeJS.Timeout | undefined;
  const decoder = decodeStream(talk.format, String(answer.headers['content-type'] ?? ''), (event) => {
    if (reader.stage !== 'over') give(reader.read(event));
  });
  const relay = async (): Promise<void> => {
    await answer.relayTo({
      chunk: (chunk) => {
        hasRoom = true;
        decoder.push(chunk);
        if (reader.stage === 'over') answer.letGo();
        if (reader.stage === 'counting') counting ??= setTimeout(() => answer.letGo(), COUNTING_MS);
        return hasRoom;
      },
    });
    if (reader.stage !== 'over') decoder.end();
    give(reader.end());
  };
  try {
    if (talk.whole !== undefined && isWholeInstead(answer)) give(await eventsInstead(answer, talk.whole));
    else await relay();
  } catch (error) {
    // After its end nothing of the answer can be missing but how many tokens it took.
    if (!isComplete) {
      const isTold = pieces.hasBegun;
      pieces.fail(error);
      throw isTold ? error : beforeAnyPiece(error);
    }
  } finally {
    clearTimeout(counting);
  }
  pieces.end();
}

interface CollectedCall {
  id: string;
  name: string;
  args: string;
  extra_content?: ExtraContent;
}

/** Puts the events together for a caller who wants the answer whole. */
export class CollectedAnswer implements RelayedPieces {
  hasBegun = false;
  private text = '';
  private reasoning = '';
  private finish: ChatAnswer['finish'] = 'stop';
  private usage: Usage | null = null;
  private readonly calls = new Map<number, CollectedCall>();

  /** Of the text alone; tools are called in few words. */
  get length(): number {
    return this.text.length;
  }

  event(event: ChatEvent): boolean {
    this.hasBegun ||= event.kind !== 'usage';
    switch (event.kind) {
      case 'text':
        this.text += event.text;
        break;
      case 'reasoning':
        this.reasoning += event.text;
        break;
      case 'tool_call': {
        const call: CollectedCall = this.calls.get(event.index) ?? { id: '', name: '', args: '' };
        call.id ||= event.id ?? '';
        call.name ||= event.name ?? '';
        call.args += event.arguments;
        Object.assign(call, extraOf(event));
        this.calls.set(event.index, call);
        break;
      }
      case 'finish':
        this.finish = event.reason;
        break;
      case 'usage':
        this.usage = event.usage;
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
      toolCalls,
      finish: this.finish,
      usage: this.usage,
    };
  }
}

/** Counts what it gives on. */
export class CountedPieces implements RelayedPieces {
  /** Of text, reasoning included. */
  characters = 0;
  /** Of output; `null`: the upstream has not told. */
  tokens: number | null = null;

  constructor(
    private readonly pieces: RelayedPieces,
    private readonly facts: InferenceRequest['facts'],
  ) {}

  get hasBegun(): boolean {
    return this.pieces.hasBegun;
  }

  event(event: ChatEvent): boolean {
    if (event.kind === 'text' || event.kind === 'reasoning') this.characters += event.text.length;
    if (event.kind === 'usage') {
      this.tokens = event.usage.output;
      noteUsage(this.facts, event.usage);
    }
    return this.pieces.event(event);
  }

  end(): void {
    this.pieces.end();
  }

  fail(error: unknown): void {
    this.pieces.fail(error);
  }
}
