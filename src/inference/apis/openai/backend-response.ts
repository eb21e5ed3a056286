import { isJsonObject, type Fields } from '../../../input/json.js';
import type { ChatAnswer, FinishReason, OpenAiToolCall, Usage } from '../../chat/chat.js';
import type { UpstreamError } from '../../../upstream/failure.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import {
  countOf,
  errorBodyOf,
  messageIn,
  objectOf,
  parseJsonAnswer,
  reported,
} from '../../chat/answer-body.js';
import { newCallId, signatureIn, signed } from '../../chat/tool-calls.js';
import { jsonTextOf } from './tool-call-chunks.js';

/** Reads the answer of an OpenAI-compatible server to a chat. @throws ProtocolError */
export function openAiAnswer(text: string, newId = newCallId): ChatAnswer {
  const body = objectOf(parseJsonAnswer(text), 'the answer');
  const choice = recordOf(listOrEmpty(body['choices'])[0]);
  if (choice === null || isFailed(body, choice)) throw failureIn(body, choice);
  const message = recordOf(choice['message']);
  // `text` comes from /completions, and from servers that answer chats in that format.
  const content = contentIn(message === null ? choice['text'] : message['content']);
  const reasoning = message?.['reasoning_content'] ?? message?.['reasoning'] ?? content.reasoning;
  const toolCalls = listOrEmpty(message?.['tool_calls']).flatMap((call) => toolCallOf(call, newId));
  const refusal = refusalOf(message);
  const end = endOf(toolCalls.length > 0, refusal !== '');
  const finish = openAiFinish(choice['finish_reason'], end) ?? end;
  return {
    text: refusal === '' ? content.text : (content.text ?? '') + refusal,
    ...(typeof reasoning === 'string' && reasoning !== '' ? { reasoning } : {}),
    toolCalls,
    finish,
    ...stopSequenceOf(choice, finish),
    usage: usageOf(body['usage']),
  };
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

/** The text with which a model declines to answer, in a message or a delta. */
export function refusalOf(message: Fields | null): string {
  const refusal = message?.['refusal'];
  return typeof refusal === 'string' ? refusal : '';
}

/** @param end the finish reason that `stop` means here */
export function openAiFinish(reason: unknown, end: FinishReason): FinishReason | null {
  switch (reason) {
    case null:
    case undefined:
    // Baichuan sends it while the answer goes on.
    case '':
      return null;
    // Mistral: the context of the model is full.
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
 * Which stop sequence ended the text: `stop_reason` of vLLM, `matched_stop` of SGLang. A number is a token of the model's own end.
 * https://docs.vllm.ai/en/stable/api/vllm/outputs/, https://docs.sglang.ai/basic_usage/openai_api_completions.html
 */
export function stopSequenceOf(choice: Fields, finish: FinishReason): { readonly stopSequence?: string } {
  const stop = choice['stop_reason'] ?? choice['matched_stop'];
  return finish === 'stop' && typeof stop === 'string' && stop !== '' ? { stopSequence: stop } : {};
}

/**
 * OpenAI finishes with `stop` when the request named the function
 * (https://community.openai.com/t/function-call-with-finish-reason-of-stop/437226), and when the model declines.
 */
export function endOf(calledTools: boolean, refused: boolean): FinishReason {
  if (calledTools) return 'tool_calls';
  return refused ? 'content_filter' : 'stop';
}

/**
 * Errors after a status of 200: in place of choices, beside them, or as their finish_reason
 * (https://openrouter.ai/docs/api/reference/errors-and-debugging; Mistral does the same). FastChat sends `error_code` and the message in
 * `text` [lm-sys/FastChat, fastchat/serve/openai_api_server.py].
 */
export function isFailed({ error, error_code: code }: Fields, choice: Fields | null): boolean {
  return Boolean(error) || (typeof code === 'number' && code !== 0) || choice?.['finish_reason'] === 'error';
}

/** `null`: not a usage of OpenAI's format. */
export function usageOf(value: unknown): Usage | null {
  const usage = recordOf(value);
  const input = countOf(usage?.['prompt_tokens']);
  const output = countOf(usage?.['completion_tokens'] ?? 0);
  if (input === undefined || output === undefined) return null;
  const cached = countOf(recordOf(usage?.['prompt_tokens_details'])?.['cached_tokens']);
  const reasoning = countOf(recordOf(usage?.['completion_tokens_details'])?.['reasoning_tokens']);
  // Most answers: two spreads would cost as much as the rest.
  if (cached === undefined && reasoning === undefined) return { input, output };
  return {
    input,
    output,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
}

/** Why a body is not an answer: the error it contains, or what it lacks. */
export function failureIn(body: Fields, choice: Fields | null): UpstreamError {
  const error = errorBodyOf(body) ?? errorBodyOf(choice);
  const message = error?.message || errorBodyOf(choice)?.message || messageIn(body);
  if (error !== null && error.status !== 502) return reported(error, `the answer is an error: ${message}`);
  if (message !== '') return new ProtocolError(`the answer is an error: ${message}`);
  return new ProtocolError(
    choice === null ? 'the answer has no choices' : 'the answer is incomplete: its finish_reason is "error"',
  );
}

export function recordOf(value: unknown): Fields | null {
  return isJsonObject(value) ? value : null;
}

export function listOrEmpty(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export interface OpenAiContent {
  /** `null`: none. */
  readonly text: string | null;
  readonly reasoning: string;
}

/**
 * The content of a message or a delta: text, or a list of parts (reasoning models of Mistral).
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
