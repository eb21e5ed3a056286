import type { ChatAnswer, Usage, FinishReason, ChatEvent } from '../../chat/chat.js';
import { COMPLETION_FIELDS } from '../../client/field-names.js';
import { extraOf } from '../../chat/tool-calls.js';
import { openAiError, openAiErrorEvent } from './openai-error.js';
import type { Rejection, ResponseFormat, ResponseHead, StreamWriter } from '../../client/response-format.js';
import type {
  ChatCompletion,
  TextCompletion,
  ChatDelta,
  TextFinishReason,
  CompletionUsage,
  ChatCompletionChunk,
} from './objects.js';

/** The responses of OpenAI's endpoints. */
export class OpenAiFormat {
  errorEvent(error: unknown, _requestId: string): string {
    return openAiErrorEvent(error);
  }

  rejection({ status, message, code }: Rejection): string | null {
    return JSON.stringify(openAiError(status, message, code));
  }
}

/** `/chat/completions`: a completion or its chunks. */
export class ChatFormat extends OpenAiFormat implements ResponseFormat {
  constructor(private readonly includesUsage: () => boolean) {
    super();
  }

  whole(answer: ChatAnswer, head: ResponseHead): string {
    return JSON.stringify(chatCompletion(head, answer));
  }

  stream(head: ResponseHead): StreamWriter {
    return new ChatChunks(head, this.includesUsage());
  }
}

/** `/completions`, the older endpoint. */
export class TextFormat extends OpenAiFormat implements ResponseFormat {
  readonly fieldNames = COMPLETION_FIELDS;

  constructor(private readonly includesUsage: () => boolean) {
    super();
  }

  whole(answer: ChatAnswer, head: ResponseHead): string {
    return JSON.stringify(textCompletion(head, answer));
  }

  stream(head: ResponseHead): StreamWriter {
    return new TextChunks(head, this.includesUsage());
  }
}

/** OpenAI's `chat.completion`. */
export function chatCompletion(head: ResponseHead, answer: ChatAnswer): ChatCompletion {
  const { text, reasoning, thinkingBlocks, toolCalls, finish, usage } = answer;
  return {
    ...named(head, 'chatcmpl', 'chat.completion'),
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text,
          refusal: null,
          ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
          ...(thinkingBlocks === undefined ? {} : { thinking_blocks: [...thinkingBlocks] }),
          ...(toolCalls.length === 0 ? {} : { tool_calls: [...toolCalls] }),
        },
        logprobs: null,
        finish_reason: finish,
      },
    ],
    ...(usage === null ? {} : { usage: openAiUsage(usage) }),
  };
}

/** OpenAI's `text_completion`, the answer of /completions. */
export function textCompletion(head: ResponseHead, { text, finish, usage }: ChatAnswer): TextCompletion {
  return {
    ...named(head, 'cmpl', 'text_completion'),
    choices: [{ index: 0, text: text ?? '', logprobs: null, finish_reason: textFinish(finish) }],
    ...(usage === null ? {} : { usage: openAiUsage(usage) }),
  };
}

/** `chat.completion.chunk`s; the first one has the role. */
export class ChatChunks implements StreamWriter {
  private isFirst = true;
  private usage: Usage | null = null;

  constructor(
    private readonly head: ResponseHead,
    private readonly includeUsage: boolean,
  ) {}

  event(event: ChatEvent): string {
    switch (event.kind) {
      case 'text':
        return this.chunk({ content: event.text });
      case 'reasoning':
        return this.chunk({ reasoning_content: event.text });
      case 'thinking_blocks':
        return this.chunk({ thinking_blocks: [...event.blocks] });
      case 'tool_call': {
        const { index, id, name } = event;
        const called = { ...(name === undefined ? {} : { name }), arguments: event.arguments };
        const identity = id === undefined ? {} : { id, type: 'function' as const };
        const call = { index, ...identity, function: called, ...extraOf(event) };
        return this.chunk({ tool_calls: [call] });
      }
      case 'finish':
        return this.chunk({}, event.reason);
      case 'usage':
        this.usage = event.usage;
        return '';
    }
  }

  end(): string {
    const usage =
      this.includeUsage && this.usage !== null
        ? data({ ...this.object, choices: [], usage: openAiUsage(this.usage) })
        : '';
    return `${usage}data: [DONE]\n\n`;
  }

  private get object() {
    return named(this.head, 'chatcmpl', 'chat.completion.chunk');
  }

  private chunk(delta: ChatDelta, finish: FinishReason | null = null): string {
    const role = this.isFirst ? { role: 'assistant' as const } : {};
    this.isFirst = false;
    // With include_usage every chunk has the field [OpenAI API, stream_options.include_usage].
    const usage = this.includeUsage ? { usage: null } : {};
    const choice = { index: 0, delta: { ...role, ...delta }, logprobs: null, finish_reason: finish };
    return data({ ...this.object, choices: [choice], ...usage });
  }
}

/** `text_completion` chunks, the stream of /completions. */
export class TextChunks implements StreamWriter {
  private usage: Usage | null = null;

  constructor(
    private readonly head: ResponseHead,
    private readonly includeUsage: boolean,
  ) {}

  event(event: ChatEvent): string {
    if (event.kind === 'text') return this.chunk(event.text, null);
    if (event.kind === 'finish') return this.chunk('', textFinish(event.reason));
    if (event.kind === 'usage') this.usage = event.usage;
    return '';
  }

  end(): string {
    const object = named(this.head, 'cmpl', 'text_completion');
    const usage =
      this.includeUsage && this.usage !== null
        ? data({ ...object, choices: [], usage: openAiUsage(this.usage) })
        : '';
    return `${usage}data: [DONE]\n\n`;
  }

  private chunk(text: string, finish: TextFinishReason | null): string {
    const choice = { index: 0, text, logprobs: null, finish_reason: finish };
    return data({
      ...named(this.head, 'cmpl', 'text_completion'),
      choices: [choice],
    });
  }
}

export function openAiUsage({ input, output, cached, reasoning }: Usage): CompletionUsage {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    ...(cached === undefined ? {} : { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}

function named<O extends string>({ id, created, model }: ResponseHead, prefix: string, object: O) {
  return { id: `${prefix}-${id}`, object, created, model };
}

function textFinish(reason: FinishReason): TextFinishReason {
  return reason === 'tool_calls' ? 'stop' : reason;
}

function data(object: ChatCompletionChunk | TextCompletion<TextFinishReason | null>): string {
  return `data: ${JSON.stringify(object)}\n\n`;
}
