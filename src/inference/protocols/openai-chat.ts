import type {
  ChatAnswer,
  ChatEvent,
  FinishReason,
  OpenAiToolCall,
  StreamReader,
  Usage,
} from '../chat/chat.js';
import { signatureIn, signed } from '../chat/extra-content.js';
import { ProtocolError } from '../chat/protocol-error.js';
import { countOf } from './from-upstream.js';
import { contentIn } from './openai-content.js';

/** Reads what an OpenAI-shaped server answered to a chat. @throws ProtocolError */
export function openAiAnswer(text: string): ChatAnswer {
  const body = objectIn(text);
  const choice = recordOf(listOf(body['choices'])[0]);
  if (choice === null || isFailed(body, choice)) throw notOpenAi(body, choice);
  const message = recordOf(choice['message']);
  // Of the older endpoint, and of servers that answer a chat in its manner.
  const content = contentIn(message === null ? choice['text'] : message['content']);
  const reasoning = message?.['reasoning_content'] ?? message?.['reasoning'] ?? content.reasoning;
  return {
    text: content.text,
    ...(typeof reasoning === 'string' && reasoning !== '' ? { reasoning } : {}),
    toolCalls: listOf(message?.['tool_calls']).flatMap(toolCallOf),
    finish: finishOf(choice['finish_reason']) ?? 'stop',
    usage: usageOf(body['usage']),
  };
}

/** Reads the chunks of its stream. */
export function openAiReader(): StreamReader {
  return ({ data }) => {
    // In Azure's documents there is a space behind it.
    if (data.trimEnd() === '[DONE]') return [];
    const body = objectIn(data);
    const choice = recordOf(listOf(body['choices'])[0]);
    if (isFailed(body, choice)) throw notOpenAi(body, choice);
    // Moonshot counts in the last choice.
    const usage = usageOf(body['usage']) ?? usageOf(choice?.['usage']);
    return [
      ...(choice === null ? [] : eventsOfChoice(choice)),
      ...(usage === null ? [] : [{ kind: 'usage', usage } as const]),
    ];
  };
}

function eventsOfChoice(choice: Fields): readonly ChatEvent[] {
  const delta = recordOf(choice['delta']) ?? {};
  const { text, ...content } = contentIn(delta['content'] ?? choice['text']);
  const reasoning = delta['reasoning_content'] ?? delta['reasoning'] ?? content.reasoning;
  const reason = finishOf(choice['finish_reason']);
  return [
    ...(typeof reasoning === 'string' && reasoning !== ''
      ? [{ kind: 'reasoning', text: reasoning } as const]
      : []),
    ...(text === null || text === '' ? [] : [{ kind: 'text', text } as const]),
    ...listOf(delta['tool_calls']).flatMap(toolCallPiece),
    ...(reason === null ? [] : [{ kind: 'finish', reason } as const]),
  ];
}

function toolCallPiece(value: unknown): readonly ChatEvent[] {
  const call = recordOf(value);
  if (call === null) return [];
  const { index, id } = call;
  const called = recordOf(call['function']) ?? {};
  const { name, arguments: args } = called;
  return [
    {
      kind: 'tool_call',
      index: typeof index === 'number' ? index : 0,
      ...(typeof id === 'string' ? { id } : {}),
      ...(typeof name === 'string' ? { name } : {}),
      arguments: typeof args === 'string' ? args : '',
      ...signed(signatureIn(call['extra_content'])),
    },
  ];
}

function toolCallOf(value: unknown, index: number): readonly OpenAiToolCall[] {
  const call = recordOf(value);
  const called = recordOf(call?.['function']);
  if (call === null || called === null) return [];
  const { name, arguments: args } = called;
  return [
    {
      id: typeof call['id'] === 'string' ? call['id'] : `call_${index}`,
      type: 'function',
      function: {
        name: String(name),
        arguments: typeof args === 'string' ? args : JSON.stringify(args ?? {}),
      },
      ...signed(signatureIn(call['extra_content'])),
    },
  ];
}

function finishOf(reason: unknown): FinishReason | null {
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
      return 'stop';
  }
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
