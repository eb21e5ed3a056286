import type { ChatEvent, FinishReason, StreamEvent, StreamReader, Usage } from '../../chat/chat.js';
import { newCallId } from '../../chat/tool-calls.js';
import { largerUsage, objectOf, parseJsonAnswer } from '../../chat/answer-body.js';
import type { Fields } from '../../../input/json.js';
import {
  contentIn,
  endOf,
  failureIn,
  openAiFinish,
  isFailed,
  listOrEmpty,
  recordOf,
  refusalOf,
  stopSequenceOf,
  usageOf,
} from './backend-response.js';
import { ToolCallChunks } from './tool-call-chunks.js';

/** Reads the stream of an OpenAI-compatible server. */
export function openAiReader(newId = newCallId): StreamReader {
  const stream = new OpenAiStream(newId);
  const read = ({ data }: StreamEvent): readonly ChatEvent[] => stream.read(data);
  return Object.assign(read, { stage: () => (stream.isOver ? 'over' : 'open') } as const);
}

class OpenAiStream {
  /** The end marker came. */
  isOver = false;
  private readonly calls: ToolCallChunks;
  private declined = false;
  private hasContent = false;
  private finished = false;
  private usage: Usage | null = null;

  constructor(newId: () => string) {
    this.calls = new ToolCallChunks(newId);
  }

  read(data: string): readonly ChatEvent[] {
    // Azure's documentation shows it with a trailing space.
    this.isOver = data.trimEnd() === '[DONE]';
    if (this.isOver) return this.done();
    const body = objectOf(parseJsonAnswer(data), 'the answer');
    const choice = recordOf(listOrEmpty(body['choices'])[0]);
    if (isFailed(body, choice)) throw failureIn(body, choice);
    // Moonshot sends usage in the last choice.
    const usage = usageOf(body['usage']) ?? usageOf(choice?.['usage']);
    if (usage !== null) this.usage = largerUsage(this.usage, usage);
    return [
      ...(choice === null ? [] : this.eventsOf(choice)),
      ...(usage === null || this.usage === null ? [] : [{ kind: 'usage', usage: this.usage } as const]),
    ];
  }

  private eventsOf(choice: Fields): readonly ChatEvent[] {
    const delta = recordOf(choice['delta']);
    const content = contentIn(delta?.['content'] ?? choice['text']);
    const reasoning = delta?.['reasoning_content'] ?? delta?.['reasoning'] ?? content.reasoning;
    const refusal = refusalOf(delta);
    this.declined ||= refusal !== '';
    const text = (content.text ?? '') + refusal;
    const pieces = listOrEmpty(delta?.['tool_calls']).flatMap((piece) => this.calls.read(piece));
    const reason = openAiFinish(choice['finish_reason'], this.end);
    this.hasContent ||= text !== '' || pieces.length > 0;
    this.finished ||= reason !== null;
    return [
      ...(typeof reasoning === 'string' && reasoning !== ''
        ? [{ kind: 'reasoning', text: reasoning } as const]
        : []),
      ...(text === '' ? [] : [{ kind: 'text', text } as const]),
      ...pieces,
      ...(reason === null ? [] : [{ kind: 'finish', reason, ...stopSequenceOf(choice, reason) } as const]),
    ];
  }

  /** Some servers send no finish_reason: the end marker shows that the answer is complete. */
  private done(): readonly ChatEvent[] {
    if (this.finished || !this.hasContent) return [];
    this.finished = true;
    return [{ kind: 'finish', reason: this.end }];
  }

  private get end(): FinishReason {
    return endOf(this.calls.isAny, this.declined);
  }
}
