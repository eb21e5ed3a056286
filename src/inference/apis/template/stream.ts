import { ExtractError } from '../../../template/response-extract.js';
import type { StreamExtract, StreamPiece } from '../../../template/stream-extract.js';
import type { ChatEvent, FinishReason, StreamReader, StreamStage, Usage } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { errorMessageOfEvent } from '../../chat/error-body.js';

/** A reader that is also told when the stream ended in order. */
export interface TemplateReader extends StreamReader {
  /** What the end of the stream says: for a worker without an end marker, that the answer is complete. @throws ProtocolError */
  end(): readonly ChatEvent[];
  stage(): StreamStage;
}

/** Reads a stream as its worker's definition says. After `finish` only usage follows. */
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
    // Between events some servers send empty ones to stay in touch.
    if (data === '') return [];
    if (this.finished) return this.afterFinish(data);
    const piece = this.pieceOf(data);
    if (piece.failed || name === 'error') throw failure(errorMessageOfEvent(data) ?? piece.text.trim());
    this.reason ??= finishReasonOf(piece.finishReason);
    this.usage = piece.usage ?? this.usage;
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

  /** The answer is complete: what follows can add its usage and spoil nothing. */
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
      throw new ProtocolError(`an event of the stream makes no sense: ${error.message}`, { cause: error });
    }
  }
}

function failure(told: string): ProtocolError {
  const what = 'the upstream told of an error within its stream';
  return new ProtocolError(told === '' ? what : `${what}: ${told}`);
}

function textEvents(text: string): readonly ChatEvent[] {
  return text === '' ? [] : [{ kind: 'text', text }];
}

/** A character of which not all bytes are there yet, as servers that decode token by token show it. */
const UNFINISHED = /\uFFFD+$/;

/** What is new in each event of a stream whose events repeat the whole text so far. */
export class CumulativeText {
  private said = '';
  private whole = '';

  /** @param isLast what looks unfinished will not change any more */
  append(whole: string, isLast: boolean): string {
    // An event without text takes nothing back.
    if (whole !== '') this.whole = whole;
    const settled = isLast ? this.whole : this.whole.replace(UNFINISHED, '');
    // What was said cannot be unsaid: a server that shortens its text (a stop word cut off) adds nothing until it is longer.
    const added = settled.slice(this.said.length);
    if (added !== '') this.said = settled;
    return added;
  }

  rest(): string {
    return this.append('', true);
  }
}

/**
 * Why an answer ended, as servers of all kinds put it, in OpenAI's words. Others mean nothing: DashScope says "null" until the
 * end. TGI: eos_token, stop_sequence; Cohere: COMPLETE, MAX_TOKENS; Ollama and vLLM: stop, length.
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
