import type {
  ChatAnswer,
  ChatEvent,
  FinishReason,
  OpenAiToolCall,
  StreamEvent,
  StreamReader,
  Usage,
} from '../chat/chat.js';
import { signatureIn, signed } from '../chat/extra-content.js';
import { ProtocolError } from '../chat/protocol-error.js';
import { newCallId } from './call-id.js';
import { countOf } from './from-upstream.js';
import { contentIn } from './openai-content.js';
import { jsonTextOf, OpenAiStreamCalls } from './openai-stream-calls.js';

/** Reads what an OpenAI-shaped server answered to a chat. @throws ProtocolError */
export function openAiAnswer(text: string, newId = newCallId): ChatAnswer {
  const body = objectIn(text);
  const choice = recordOf(listOf(body['choices'])[0]);
  if (choice === null || isFailed(body, choice)) throw notOpenAi(body, choice);
  const message = recordOf(choice['message']);
  // Of the older endpoint, and of servers that answer a chat in its manner.
  const content = contentIn(message === null ? choice['text'] : message['content']);
  const reasoning = message?.['reasoning_content'] ?? message?.['reasoning'] ?? content.reasoning;
  const toolCalls = listOf(message?.['tool_calls']).flatMap((call) => toolCallOf(call, newId));
  const refusal = refusalOf(message);
  const end = endOf(toolCalls.length > 0, refusal !== '');
  return {
    text: refusal === '' ? content.text : (content.text ?? '') + refusal,
    ...(typeof reasoning === 'string' && reasoning !== '' ? { reasoning } : {}),
    toolCalls,
    finish: finishOf(choice['finish_reason'], end) ?? end,
    usage: usageOf(body['usage']),
  };
}

/** Reads the chunks of its stream. */
export function openAiReader(newId = newCallId): StreamReader {
  const stream = new OpenAiStream(newId);
  const read = ({ data }: StreamEvent): readonly ChatEvent[] => stream.read(data);
  return Object.assign(read, { stage: () => (stream.isOver ? 'over' : 'open') } as const);
}

class OpenAiStream {
  /** Its end marker has come. */
  isOver = false;
  private readonly calls: OpenAiStreamCalls;
  private refused = false;
  private said = false;
  private finished = false;

  constructor(newId: () => string) {
    this.calls = new OpenAiStreamCalls(newId);
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

/** What a model says instead of what it was asked for, of a message or a piece of one. */
function refusalOf(message: Fields | null): string {
  const refusal = message?.['refusal'];
  return typeof refusal === 'string' ? refusal : '';
}

function toolCallOf(value: unknown, newId: () => string): readonly OpenAiToolCall[] {
  const call = recordOf(value);
  const called = recordOf(call?.['function']);
  if (call === null || called === null) return [];
  const { id } = call;
  const { name, arguments: args } = called;
  return [
    {
      id: typeof id === 'string' && id !== '' ? id : newId(),
      type: 'function',
      function: { name: String(name), arguments: jsonTextOf(args ?? {}) },
      ...signed(signatureIn(call['extra_content'])),
    },
  ];
}

/** @param end what `stop` means here */
function finishOf(reason: unknown, end: FinishReason): FinishReason | null {
  switch (reason) {
    case null:
    case undefined:
    // Baichuan's way to say that it goes on.
    case '':
      return null;
    // Of Mistral's models, whose own end it was.
    case 'model_length':
      return 'length';
    case 'length':
    case 'tool_calls':
    case 'content_filter':
      return reason;
    case 'function_call':
      return 'tool_calls';
    default:
      return end;
  }
}

/**
 * Who calls waits for what comes of it, also where the reason is `stop`, as OpenAI has it when its caller named the function
 * (https://community.openai.com/t/function-call-with-finish-reason-of-stop/437226); and to refuse is no answer.
 */
function endOf(calledTools: boolean, refused: boolean): FinishReason {
  if (calledTools) return 'tool_calls';
  return refused ? 'content_filter' : 'stop';
}

/**
 * A status of 200 cannot be taken back once a stream has begun: the error comes in its place, of some beside choices, or
 * as the reason of an end that is none (https://openrouter.ai/docs/api-reference/errors; Mistral's, too). FastChat's has a
 * code of its own and its words in `text` [lm-sys/FastChat, fastchat/serve/openai_api_server.py].
 */
function isFailed({ error, error_code: code }: Fields, choice: Fields | null): boolean {
  return Boolean(error) || (typeof code === 'number' && code !== 0) || choice?.['finish_reason'] === 'error';
}

/** `null`: it is none of OpenAI's. */
export function usageOf(value: unknown): Usage | null {
  const usage = recordOf(value);
  const input = countOf(usage?.['prompt_tokens']);
  const output = countOf(usage?.['completion_tokens'] ?? 0);
  if (input === undefined || output === undefined) return null;
  const cached = countOf(recordOf(usage?.['prompt_tokens_details'])?.['cached_tokens']);
  const reasoning = countOf(recordOf(usage?.['completion_tokens_details'])?.['reasoning_tokens']);
  return {
    input,
    output,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function objectIn(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError('the answer is not JSON, as an OpenAI-shaped server would send it', { cause });
  }
  const body = recordOf(value);
  if (body === null)
    throw new ProtocolError('the answer is not a JSON object, as an OpenAI-shaped server would send it');
  return body;
}

/** What it says instead of an answer, if it says anything. */
function notOpenAi(body: Fields, choice: Fields | null): ProtocolError {
  const told = body['error'] ?? choice?.['error'];
  const error = recordOf(told)?.['message'] ?? told ?? body['message'] ?? body['detail'] ?? body['text'];
  return new ProtocolError(
    typeof error === 'string'
      ? `the answer is an error: ${error.slice(0, 500)}`
      : choice === null
        ? 'the answer holds no choices'
        : 'the answer broke off: its finish_reason is error',
  );
}

function recordOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
