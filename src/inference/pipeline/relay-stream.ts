import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { ChatAnswer, ChatEvent, ExtraContent, OpenAiToolCall, Usage } from '../chat/chat.js';
import { extraOf } from '../chat/tool-calls.js';
import { streamDecoder } from '../streams/stream-decoder.js';
import type { InferenceRequest } from '../client/inference-request.js';
import { recordUsage } from '../client/client-response.js';
import type { PreparedCall } from '../apis/prepared-call.js';
import { beforeOutput } from '../../upstream/upstream-errors.js';
import { readWholeInstead, isWholeInstead } from './whole-instead.js';
import type { ResponseStream } from '../client/client-response.js';

export interface CommittableStream extends ResponseStream {
  /** Something was given on: nobody else may answer now. */
  readonly committed: boolean;
}

type StreamTalk = Extract<PreparedCall, { mode: 'stream' }>;

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
  pieces: CommittableStream,
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
  const decoder = streamDecoder(talk.format, String(answer.headers['content-type'] ?? ''), (event) => {
    if (reader.stage !== 'over') give(reader.read(event));
  });
  const relay = async (): Promise<void> => {
    await answer.pipeTo({
      chunk: (chunk) => {
        hasRoom = true;
        decoder.push(chunk);
        if (reader.stage === 'over') answer.finishEarly();
        if (reader.stage === 'counting') counting ??= setTimeout(() => answer.finishEarly(), COUNTING_MS);
        return hasRoom;
      },
    });
    if (reader.stage !== 'over') decoder.end();
    give(reader.end());
  };
  try {
    if (talk.whole !== undefined && isWholeInstead(answer)) give(await readWholeInstead(answer, talk.whole));
    else await relay();
  } catch (error) {
    // After its end nothing of the answer can be missing but how many tokens it took.
    if (!isComplete) {
      const isTold = pieces.committed;
      pieces.fail(error);
      throw isTold ? error : beforeOutput(error);
    }
  } finally {
    clearTimeout(counting);
  }
  pieces.end();
}

interface CollectedToolCall {
  id: string;
  name: string;
  args: string;
  extra_content?: ExtraContent;
}

/** Puts the events together for a caller who wants the answer whole. */
export class AnswerCollector implements CommittableStream {
  committed = false;
  private text = '';
  private reasoning = '';
  private finish: ChatAnswer['finish'] = 'stop';
  private usage: Usage | null = null;
  private readonly calls = new Map<number, CollectedToolCall>();

  /** Of the text alone; tools are called in few words. */
  get length(): number {
    return this.text.length;
  }

  event(event: ChatEvent): boolean {
    this.committed ||= event.kind !== 'usage';
    switch (event.kind) {
      case 'text':
        this.text += event.text;
        break;
      case 'reasoning':
        this.reasoning += event.text;
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
export class UsageMeter implements CommittableStream {
  /** Of text, reasoning included. */
  characters = 0;
  /** Of output; `null`: the upstream has not told. */
  tokens: number | null = null;

  constructor(
    private readonly pieces: CommittableStream,
    private readonly facts: InferenceRequest['facts'],
  ) {}

  get committed(): boolean {
    return this.pieces.committed;
  }

  event(event: ChatEvent): boolean {
    if (event.kind === 'text' || event.kind === 'reasoning') this.characters += event.text.length;
    if (event.kind === 'usage') {
      this.tokens = event.usage.output;
      recordUsage(this.facts, event.usage);
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
