import { ExtractError } from '../../../template/response-extract.js';
import type { StreamExtract, StreamPiece } from '../../../template/stream-extract.js';
import type { ChatEvent, FinishReason, StreamReader, StreamStage, Usage } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { errorMessageOfEvent, largerUsage } from '../../chat/answer-body.js';

/** A reader whose `end` is called when the stream ends in order. */
export interface TemplateReader extends StreamReader {
  /** The last events. Without an end marker, the end of the stream completes the answer. @throws ProtocolError */
  end(): readonly ChatEvent[];
  stage(): StreamStage;
}

/** Reads a stream by its worker's definition. Only usage follows `finish`. */
export function templateReader(extract: StreamExtract): TemplateReader {
  const state = new TemplateStream(extract);
  return Object.assign((event: Parameters<StreamReader>[0]) => state.read(event.data, event.name), {
    end: () => state.end(),
    stage: () => state.stage,
  });
}

class TemplateStream {
  private readonly soFar: CumulativeText | null;
  private reason: FinishReason | null = null;
  private usage: Usage | null = null;
  private finished = false;
  private marked = false;

  constructor(private readonly extract: StreamExtract) {
    this.soFar = extract.delta ? null : new CumulativeText();
  }

  get stage(): StreamStage {
    if (!this.marked) return 'open';
    return this.extract.hasUsage && this.usage === null ? 'counting' : 'over';
  }

  read(data: string, name: string | undefined): readonly ChatEvent[] {
    // Some servers send empty events as heartbeats.
    if (data === '') return [];
    if (this.finished) return this.afterFinish(data);
    const piece = this.pieceOf(data);
    if (piece.failed || name === 'error') throw failure(errorMessageOfEvent(data) ?? piece.text.trim());
    this.reason ??= finishReasonOf(piece.finishReason);
    this.usage = largerUsage(this.usage, piece.usage);
    this.marked = piece.done;
    const isLast = piece.done || (this.reason !== null && !this.extract.hasEndMark);
    const text = this.soFar === null ? piece.text : this.soFar.append(piece.text, isLast);
    return isLast ? [...textEvents(text), ...this.finish()] : textEvents(text);
  }

  end(): readonly ChatEvent[] {
    if (this.finished) return [];
    if (this.extract.hasEndMark) throw new ProtocolError('the stream ended before its end marker');
    return [...textEvents(this.soFar?.rest() ?? ''), ...this.finish()];
  }

  private finish(): readonly ChatEvent[] {
    this.finished = true;
    return [{ kind: 'finish', reason: this.reason ?? 'stop' }, ...this.usageEvents()];
  }

  private usageEvents(): readonly ChatEvent[] {
    return this.usage === null ? [] : [{ kind: 'usage', usage: this.usage }];
  }

  /** The answer is complete: a later event can only add its usage. */
  private afterFinish(data: string): readonly ChatEvent[] {
    const isCounted = this.usage !== null;
    try {
      const { done, usage } = this.extract.read(data);
      this.marked ||= done;
      this.usage ??= usage;
    } catch (error) {
      if (!(error instanceof ExtractError)) throw error;
    }
    return isCounted ? [] : this.usageEvents();
  }

  private pieceOf(data: string): StreamPiece {
    try {
      return this.extract.read(data);
    } catch (error) {
      if (!(error instanceof ExtractError)) throw error;
      throw new ProtocolError(`an event of the stream is invalid: ${error.message}`, { cause: error });
    }
  }
}

function failure(message: string): ProtocolError {
  const what = 'the upstream reported an error within its stream';
  return new ProtocolError(message === '' ? what : `${what}: ${message}`);
}

function textEvents(text: string): readonly ChatEvent[] {
  return text === '' ? [] : [{ kind: 'text', text }];
}

/** An incomplete character, as servers that decode token by token send it. */
const UNFINISHED = /\uFFFD+$/;

/** Returns the new text of each event if events repeat the whole text so far. */
export class CumulativeText {
  private sent = '';
  private whole = '';

  /** @param isLast no more text follows, so unfinished characters stay as they are */
  append(whole: string, isLast: boolean): string {
    // An event without text removes nothing.
    if (whole !== '') this.whole = whole;
    const settled = isLast ? this.whole : this.whole.replace(UNFINISHED, '');
    // Sent text cannot be taken back: if a server shortens it (a stop word cut off), nothing is added until it is longer.
    const added = settled.slice(this.sent.length);
    if (added !== '') this.sent = settled;
    return added;
  }

  rest(): string {
    return this.append('', true);
  }
}

/**
 * The finish reasons of many servers, translated to OpenAI's. Others are ignored: DashScope sends "null" until the end.
 * TGI: eos_token, stop_sequence; Cohere: COMPLETE, MAX_TOKENS; Ollama and vLLM: stop, length.
 */
const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  complete: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_length: 'length',
  tool_calls: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  sensitive: 'content_filter',
};

export function finishReasonOf(word: string | null): FinishReason | null {
  const reason = word?.toLowerCase() ?? '';
  return Object.hasOwn(REASONS, reason) ? (REASONS[reason] ?? null) : null;
}
