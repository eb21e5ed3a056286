import type { Fields, JsonObject, JsonValue } from '../../../input/json.js';
import type { ChatAnswer, FinishReason, Usage } from '../../chat/chat.js';
import { keptThinking, ownId } from './kept-thinking.js';
import type { ResponseHead } from '../../client/response-format.js';

export type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

/** What a response repeats of its request. */
export type Echo = JsonObject;

/** OpenAI's `Response` (types of the openai package). Nothing is stored: `store` is false. */
export function responseOf(
  head: ResponseHead,
  echo: Echo,
  status: Status,
  output: readonly JsonObject[],
  rest: { readonly usage?: Usage | null; readonly error?: JsonValue; readonly finish?: FinishReason } = {},
): JsonObject {
  const { usage = null, error = null, finish } = rest;
  const reason = finish === 'length' ? 'max_output_tokens' : 'content_filter';
  return {
    id: responseId(head),
    object: 'response',
    created_at: head.created,
    status,
    background: false,
    error,
    incomplete_details: status === 'incomplete' ? { reason } : null,
    ...echo,
    model: head.model,
    output: [...output],
    previous_response_id: null,
    store: false,
    usage: usage === null ? null : usageOf(usage),
  };
}

export function responseId({ id }: ResponseHead): string {
  return ownId('resp', id);
}

/**
 * The response to an answer that came whole.
 * @param keepsThinking whether the client keeps signed thinking for its next request
 */
export function wholeResponse(
  head: ResponseHead,
  echo: Echo,
  answer: ChatAnswer,
  keepsThinking: boolean,
): JsonObject {
  const { text, reasoning, thinkingBlocks, toolCalls, finish, usage } = answer;
  const kept = keepsThinking && thinkingBlocks !== undefined ? keptThinking(thinkingBlocks) : null;
  const status = statusOf(finish);
  const { id } = head;
  const output = [
    ...(reasoning === undefined && kept === null
      ? []
      : [reasoningItem(ownId('rs', id), reasoning ?? null, status, kept)]),
    ...(text === null ? [] : [messageItem(ownId('msg', id), text, status)]),
    ...toolCalls.map((call, index) =>
      callItem(ownId('fc', `${id}_${index}`), call.id, call.function, status),
    ),
  ];
  return responseOf(head, echo, status, output, { usage, finish });
}

export function statusOf(finish: FinishReason): 'completed' | 'incomplete' {
  return finish === 'length' || finish === 'content_filter' ? 'incomplete' : 'completed';
}

/** @param kept what the client sends back of it; `null`: nothing */
export function reasoningItem(
  id: string,
  text: string | null,
  status: Status,
  kept: string | null = null,
): JsonObject {
  const content = text === null ? [] : [{ type: 'reasoning_text', text }];
  const encrypted = kept === null ? {} : { encrypted_content: kept };
  return { id, type: 'reasoning', summary: [], content, ...encrypted, status };
}

export function messageItem(id: string, text: string | null, status: Status): JsonObject {
  return { id, type: 'message', role: 'assistant', status, content: text === null ? [] : [textPart(text)] };
}

export function textPart(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

export function callItem(
  id: string,
  callId: string,
  { name, arguments: text }: { readonly name: string; readonly arguments: string },
  status: Status,
): JsonObject {
  return { id, type: 'function_call', call_id: callId, name, arguments: text, status };
}

function usageOf({ input, output, cached, reasoning }: Usage): JsonObject {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached ?? 0, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning ?? 0 },
    total_tokens: input + output,
  };
}

/** The fields of the request, with OpenAI's defaults for what was left out. */
export function echoOf(body: Fields): Echo {
  const given = (name: string, otherwise: JsonValue): JsonValue => (body[name] ?? otherwise) as JsonValue;
  return {
    instructions: given('instructions', null),
    max_output_tokens: given('max_output_tokens', null),
    metadata: given('metadata', {}),
    parallel_tool_calls: given('parallel_tool_calls', true),
    reasoning: given('reasoning', { effort: null, summary: null }),
    temperature: given('temperature', null),
    text: given('text', { format: { type: 'text' } }),
    tool_choice: given('tool_choice', 'auto'),
    tools: given('tools', []),
    top_p: given('top_p', null),
    truncation: given('truncation', 'disabled'),
    user: given('user', null),
  };
}
