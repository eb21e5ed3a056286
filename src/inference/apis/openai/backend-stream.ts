import type { ChatEvent, FinishReason, StreamEvent, StreamReader } from '../../chat/chat.js';
import { newCallId } from '../../chat/tool-calls.js';
import {
  type Fields,
  contentIn,
  endOf,
  finishOf,
  isFailed,
  listOf,
  notOpenAi,
  objectIn,
  recordOf,
  refusalOf,
  usageOf,
} from './response-body.js';
import { ToolCallChunks } from './tool-call-chunks.js';

/** Reads the chunks of its stream. */
export function openAiReader(newId = newCallId): StreamReader {
  const stream = new OpenAiStream(newId);
  const read = ({ data }: StreamEvent): readonly ChatEvent[] => stream.read(data);
  return Object.assign(read, { stage: () => (stream.isOver ? 'over' : 'open') } as const);
}

class OpenAiStream {
  /** Its end marker has come. */
  isOver = false;
  private readonly calls: ToolCallChunks;
  private refused = false;
  private said = false;
  private finished = false;

  constructor(newId: () => string) {
    this.calls = new ToolCallChunks(newId);
  }

  read(data: string): readonly ChatEvent[] {
    // In Azure's documents there is a space behind it.
    this.isOver = data.trimEnd() === '[DONE]';
    if (this.isOver) return this.done();
    const body = objectIn(data);
    const choice = recordOf(listOf(body['choices'])[0]);
    if (isFailed(body, choice)) throw notOpenAi(body, choice);
    // Moonshot counts in the last choice.
    const usage = usageOf(body['usage']) ?? usageOf(choice?.['usage']);
    return [
      ...(choice === null ? [] : this.eventsOf(choice)),
      ...(usage === null ? [] : [{ kind: 'usage', usage } as const]),
    ];
  }

  private eventsOf(choice: Fields): readonly ChatEvent[] {
    const delta = recordOf(choice['delta']);
    const content = contentIn(delta?.['content'] ?? choice['text']);
    const reasoning = delta?.['reasoning_content'] ?? delta?.['reasoning'] ?? content.reasoning;
    const refusal = refusalOf(delta);
    this.refused ||= refusal !== '';
    const text = (content.text ?? '') + refusal;
    const pieces = listOf(delta?.['tool_calls']).flatMap((piece) => this.calls.read(piece));
    const reason = finishOf(choice['finish_reason'], this.end);
    this.said ||= text !== '' || pieces.length > 0;
    this.finished ||= reason !== null;
    return [
      ...(typeof reasoning === 'string' && reasoning !== ''
        ? [{ kind: 'reasoning', text: reasoning } as const]
        : []),
      ...(text === '' ? [] : [{ kind: 'text', text } as const]),
      ...pieces,
      ...(reason === null ? [] : [{ kind: 'finish', reason } as const]),
    ];
  }

  /** The mark of the end says that nothing is missing, where a server gives no reason for it. */
  private done(): readonly ChatEvent[] {
    if (this.finished || !this.said) return [];
    this.finished = true;
    return [{ kind: 'finish', reason: this.end }];
  }

  private get end(): FinishReason {
    return endOf(this.calls.isAny, this.refused);
  }
}
