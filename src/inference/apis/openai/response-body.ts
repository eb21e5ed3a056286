import type { FinishReason, Usage } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { countOf } from '../../chat/upstream-json.js';
import { isJsonObject } from '../../../input/json.js';

/** What a model says instead of what it was asked for, of a message or a piece of one. */
export function refusalOf(message: Fields | null): string {
  const refusal = message?.['refusal'];
  return typeof refusal === 'string' ? refusal : '';
}

/** @param end what `stop` means here */
export function finishOf(reason: unknown, end: FinishReason): FinishReason | null {
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
export function endOf(calledTools: boolean, refused: boolean): FinishReason {
  if (calledTools) return 'tool_calls';
  return refused ? 'content_filter' : 'stop';
}

/**
 * A status of 200 cannot be taken back once a stream has begun: the error comes in its place, of some beside choices, or
 * as the reason of an end that is none (https://openrouter.ai/docs/api-reference/errors; Mistral's, too). FastChat's has a
 * code of its own and its words in `text` [lm-sys/FastChat, fastchat/serve/openai_api_server.py].
 */
export function isFailed({ error, error_code: code }: Fields, choice: Fields | null): boolean {
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

export type Fields = Readonly<Record<string, unknown>>;

export function objectIn(text: string): Fields {
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
export function notOpenAi(body: Fields, choice: Fields | null): ProtocolError {
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

export function recordOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export interface OpenAiContent {
  /** `null`: there is none. */
  readonly text: string | null;
  readonly reasoning: string;
}

/**
 * The content of a message, or of a piece of one: a text, or, of Mistral's models that reason, a list of parts.
 * https://docs.mistral.ai/capabilities/reasoning/
 */
export function contentIn(content: unknown): OpenAiContent {
  if (typeof content === 'string') return { text: content, reasoning: '' };
  if (!Array.isArray(content)) return { text: null, reasoning: '' };
  const parts = (content as unknown[]).filter(isJsonObject);
  return {
    text: textOf(parts),
    reasoning: parts
      .map(({ type, thinking }) =>
        type === 'thinking' && Array.isArray(thinking)
          ? textOf((thinking as unknown[]).filter(isJsonObject))
          : '',
      )
      .join(''),
  };
}

function textOf(parts: readonly Readonly<Record<string, unknown>>[]): string {
  return parts.map(({ type, text }) => (type === 'text' && typeof text === 'string' ? text : '')).join('');
}
