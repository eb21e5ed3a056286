import type {
  ChatAnswer,
  ChatEvent,
  OpenAiToolCall,
  StreamStage,
  StreamReader,
  StreamEvent,
  Usage,
  FinishReason,
} from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { signedBlocks } from '../../chat/thinking-blocks.js';
import { countOf, throwIfError, listOf, objectOf, parseEvent, stringOf } from '../../chat/answer-body.js';
import { jsonTextOf } from '../../../input/exact-json.js';
import { isPresent, isJsonObject, type Fields } from '../../../input/json.js';

/** Reads a `Message`; blocks of other types are left out. @throws ProtocolError */
export function anthropicAnswer(body: unknown): ChatAnswer {
  const message = objectOf(body, 'the answer');
  throwIfError(message);
  if (!Array.isArray(message['content'])) throw new ProtocolError('the answer has no content');
  const texts: string[] = [];
  const thoughts: string[] = [];
  const toolCalls: OpenAiToolCall[] = [];
  const content = listOf(message['content'], 'content');
  for (const [index, item] of content.entries()) {
    const what = `content[${index}]`;
    const block = objectOf(item, what);
    if (block['type'] === 'text') texts.push(stringOf(block['text'], `${what}.text`));
    if (block['type'] === 'thinking') thoughts.push(stringOf(block['thinking'], `${what}.thinking`));
    if (block['type'] === 'tool_use') toolCalls.push(toolCall(block, what));
  }
  const blocks = signedBlocks(content);
  return {
    text: texts.length === 0 && toolCalls.length > 0 ? null : texts.join(''),
    ...(thoughts.length === 0 ? {} : { reasoning: thoughts.join('') }),
    ...(blocks.length === 0 ? {} : { thinkingBlocks: blocks }),
    toolCalls,
    finish: anthropicFinish(message['stop_reason'], toolCalls.length > 0),
    usage: anthropicUsage(message['usage']),
  };
}

function toolCall(block: Fields, what: string): OpenAiToolCall {
  const name = stringOf(block['name'], `${what}.name`);
  const text = jsonTextOf(objectOf(block['input'] ?? {}, `${what}.input`));
  return { id: stringOf(block['id'], `${what}.id`), type: 'function', function: { name, arguments: text } };
}

/**
 * Reads a stream of the Messages API. `finish` comes with message_stop: a stream without it was cut off.
 * https://platform.claude.com/docs/en/build-with-claude/streaming
 */
export function anthropicReader(): StreamReader {
  const stream = new AnthropicStream();
  return Object.assign((event: StreamEvent) => stream.read(event), { stage: () => stream.stage });
}

/** A call that is still arriving. */
interface OpenCall {
  readonly index: number;
  hasArguments: boolean;
}

/** Where the input of a call stands, whose digits must reach the client. */
export const ANSWER_INPUTS = ['content', null, 'input'] as const;
const EVENT_INPUT = ['content_block', 'input'] as const;

class AnthropicStream {
  private readonly open = new Map<unknown, OpenCall>();
  private readonly usages: unknown[] = [];
  private calls = 0;
  /** The blocks so far: of others than thinking only the place counts. */
  private readonly content: unknown[] = [];
  private thinking: { type: 'thinking'; thinking: string; signature: string } | null = null;
  private stopReason: unknown = null;
  private stopped = false;

  get stage(): StreamStage {
    return this.stopped ? 'over' : 'open';
  }

  read({ data }: StreamEvent): readonly ChatEvent[] {
    const event = parseEvent(data, EVENT_INPUT);
    throwIfError(event);
    if (this.stopped) return [];
    switch (event['type']) {
      case 'message_start':
        this.usages.push(objectOf(event['message'], 'message')['usage']);
        return [];
      case 'content_block_start':
        return this.start(event['index'], objectOf(event['content_block'], 'content_block'));
      case 'content_block_delta':
        return this.continue(event['index'], objectOf(event['delta'], 'delta'));
      case 'content_block_stop':
        return this.stopBlock(event['index']);
      case 'message_delta':
        this.stopReason = objectOf(event['delta'], 'delta')['stop_reason'] ?? this.stopReason;
        this.usages.push(event['usage']);
        return [];
      case 'message_stop':
        return this.stop();
      default:
        // ping; "new event types may be added, and your code should handle unknown event types gracefully".
        return [];
    }
  }

  private start(at: unknown, block: Fields): readonly ChatEvent[] {
    this.thinking = block['type'] === 'thinking' ? { type: 'thinking', thinking: '', signature: '' } : null;
    this.content.push(this.thinking ?? (block['type'] === 'redacted_thinking' ? block : null));
    if (block['type'] === 'text') return piece('text', block['text'] ?? '');
    if (block['type'] === 'thinking') return this.think(block['thinking'], block['signature']);
    if (block['type'] !== 'tool_use') return [];
    const index = this.calls++;
    // Anthropic sends {} here and streams the input; compatible servers may send it whole.
    const input = objectOf(block['input'] ?? {}, 'content_block.input');
    const whole = Object.keys(input).length > 0;
    this.open.set(at, { index, hasArguments: whole });
    const id = stringOf(block['id'], 'content_block.id');
    const name = stringOf(block['name'], 'content_block.name');
    return [{ kind: 'tool_call', index, id, name, arguments: whole ? jsonTextOf(input) : '' }];
  }

  private continue(at: unknown, delta: Fields): readonly ChatEvent[] {
    if (delta['type'] === 'text_delta') return piece('text', delta['text']);
    if (delta['type'] === 'thinking_delta') return this.think(delta['thinking'], undefined);
    if (delta['type'] === 'signature_delta') return this.think(undefined, delta['signature']);
    const call = this.open.get(at);
    // Other blocks, such as the tools that Anthropic runs itself, have no call.
    if (delta['type'] !== 'input_json_delta' || call === undefined) return [];
    const text = stringOf(delta['partial_json'], 'delta.partial_json');
    if (text === '') return [];
    call.hasArguments = true;
    return [{ kind: 'tool_call', index: call.index, arguments: text }];
  }

  private think(thinking: unknown, signature: unknown): readonly ChatEvent[] {
    const events = piece('reasoning', thinking ?? '');
    if (this.thinking === null) return events;
    if (typeof thinking === 'string') this.thinking.thinking += thinking;
    if (typeof signature === 'string') this.thinking.signature += signature;
    return events;
  }

  /** A call without arguments streams no JSON, but its arguments must be JSON. */
  private stopBlock(at: unknown): readonly ChatEvent[] {
    const call = this.open.get(at);
    this.open.delete(at);
    return call === undefined || call.hasArguments
      ? []
      : [{ kind: 'tool_call', index: call.index, arguments: '{}' }];
  }

  private stop(): readonly ChatEvent[] {
    if (this.open.size > 0) throw new ProtocolError('the stream ended inside a tool call');
    this.stopped = true;
    const reason = anthropicFinish(this.stopReason, this.calls > 0);
    const usage = anthropicUsage(...this.usages);
    const blocks = signedBlocks(this.content);
    return [
      ...(blocks.length === 0 ? [] : [{ kind: 'thinking_blocks', blocks } as const]),
      { kind: 'finish', reason },
      ...(usage === null ? [] : [{ kind: 'usage', usage } as const]),
    ];
  }
}

function piece(kind: 'text' | 'reasoning', value: unknown): readonly ChatEvent[] {
  const text = stringOf(value, kind);
  return text === '' ? [] : [{ kind, text }];
}

/** `pause_turn` ends a long turn with Anthropic's own tools, which are never requested here. */
const FINISH: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** Unknown reasons count as `stop`; without a reason, tool calls decide. */
export function anthropicFinish(stopReason: unknown, calledTools: boolean): FinishReason {
  if (typeof stopReason === 'string')
    return Object.hasOwn(FINISH, stopReason) ? (FINISH[stopReason] ?? 'stop') : 'stop';
  return calledTools ? 'tool_calls' : 'stop';
}

/**
 * Anthropic counts tokens read from and written to the cache separately: "Total input tokens in a request is the summation
 * of input_tokens, cache_creation_input_tokens, and cache_read_input_tokens" (@anthropic-ai/sdk, `Usage`).
 * Counts of a stream are cumulative, and left out where they do not apply: the largest one counts.
 */
export function anthropicUsage(...reports: readonly unknown[]): Usage | null {
  const countIn = (key: string): number | undefined =>
    largest(reports.map((usage) => (isJsonObject(usage) ? countOf(usage[key]) : undefined)));
  const input = countIn('input_tokens');
  const output = countIn('output_tokens');
  if (input === undefined && output === undefined) return null;
  const cached = countIn('cache_read_input_tokens');
  const reasoning = largest(reports.map(thinkingTokens));
  return {
    input: (input ?? 0) + (cached ?? 0) + (countIn('cache_creation_input_tokens') ?? 0),
    output: output ?? 0,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
}

function largest(counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter(isPresent);
  return known.length === 0 ? undefined : Math.max(...known);
}

function thinkingTokens(usage: unknown): number | undefined {
  const details = isJsonObject(usage) ? usage['output_tokens_details'] : undefined;
  return isJsonObject(details) ? countOf(details['thinking_tokens']) : undefined;
}
