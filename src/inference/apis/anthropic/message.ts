import { exactObject } from '../../../input/exact-json.js';
import type { JsonObject } from '../../../input/json.js';
import type { ChatAnswer, FinishReason, OpenAiToolCall, Usage } from '../../chat/chat.js';
import { UNSIGNED } from '../../chat/thinking-blocks.js';

export interface MessageHead {
  /** Such as `msg_…`. */
  readonly id: string;
  readonly model: string;
}

/** An answer as a `Message` of @anthropic-ai/sdk. */
export function anthropicMessage(answer: ChatAnswer, head: MessageHead): JsonObject {
  const content: JsonObject[] = [];
  if (answer.reasoning !== undefined) content.push(thinkingBlock(answer.reasoning, UNSIGNED));
  if (answer.text !== null && answer.text !== '') content.push(textBlock(answer.text));
  content.push(...answer.toolCalls.map((call) => toolUseBlock(call.id, call.function.name, inputOf(call))));
  return messageOf(head, content, answer.finish, answer.usage, answer.stopSequence);
}

/** @param finish `null`: the answer has just started */
export function messageOf(
  { id, model }: MessageHead,
  content: readonly JsonObject[],
  finish: FinishReason | null,
  usage: Usage | null,
  stopSequence?: string,
): JsonObject {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: finish === null ? null : stopReasonOf(finish, stopSequence),
    stop_sequence: stopSequence ?? null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: messageUsage(usage),
  };
}

/** Without `citations`, as in Anthropic's answers that cite nothing: some clients refuse the `null` that its types allow. */
export function textBlock(text: string): JsonObject {
  return { type: 'text', text };
}

export function thinkingBlock(thinking: string, signature: string): JsonObject {
  return { type: 'thinking', thinking, signature };
}

export function toolUseBlock(id: string, name: string, input: JsonObject): JsonObject {
  return { type: 'tool_use', id, name, input };
}

/** Arguments that are not a JSON object are kept under one key. */
function inputOf({ function: { arguments: text } }: OpenAiToolCall): JsonObject {
  if (text === '') return {};
  return exactObject(text) ?? exactObject(`{"arguments":${text}}`) ?? { arguments: text };
}

export function stopReasonOf(finish: FinishReason, stopSequence?: string): string {
  if (stopSequence !== undefined) return 'stop_sequence';
  switch (finish) {
    case 'stop':
      return 'end_turn';
    case 'length':
      return 'max_tokens';
    case 'tool_calls':
      return 'tool_use';
    case 'content_filter':
      return 'refusal';
  }
}

/** The usage of a whole message or of message_start. */
export function messageUsage(usage: Usage | null): JsonObject {
  const unknown = { cache_creation: null, inference_geo: null, service_tier: null, speed: null };
  return { ...usageFields(usage), ...unknown };
}

/** The usage of message_delta. Anthropic has no value for unknown counts: they are 0. */
export function usageFields(usage: Usage | null): JsonObject {
  return {
    input_tokens: Math.max(0, (usage?.input ?? 0) - (usage?.cached ?? 0)),
    cache_creation_input_tokens: null,
    cache_read_input_tokens: usage?.cached ?? null,
    output_tokens: usage?.output ?? 0,
    output_tokens_details: usage?.reasoning === undefined ? null : { thinking_tokens: usage.reasoning },
    server_tool_use: null,
  };
}
