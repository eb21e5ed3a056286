import type { FinishReason, Usage } from '../../chat/chat.js';
import { countOf, isPresent, type JsonObject } from '../../chat/json.js';
import { isJsonObject } from '../../../input/json.js';

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
export function finishOf(stopReason: unknown, calledTools: boolean): FinishReason {
  if (typeof stopReason === 'string')
    return Object.hasOwn(FINISH, stopReason) ? (FINISH[stopReason] ?? 'stop') : 'stop';
  return calledTools ? 'tool_calls' : 'stop';
}

export function stopReasonOf(finish: FinishReason): string {
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

/**
 * Anthropic counts tokens read from and written to the cache separately: "Total input tokens in a request is the summation
 * of input_tokens, cache_creation_input_tokens, and cache_read_input_tokens" (@anthropic-ai/sdk, `Usage`).
 * Counts of a stream are cumulative, and left out where they do not apply: the latest one counts.
 */
export function anthropicUsage(...reports: readonly unknown[]): Usage | null {
  const latest = (key: string): number | undefined =>
    reports.map((usage) => (isJsonObject(usage) ? countOf(usage[key]) : undefined)).findLast(isPresent);
  const input = latest('input_tokens');
  const output = latest('output_tokens');
  if (input === undefined && output === undefined) return null;
  const cached = latest('cache_read_input_tokens');
  const reasoning = reports.map(thinkingTokens).findLast(isPresent);
  return {
    input: (input ?? 0) + (cached ?? 0) + (latest('cache_creation_input_tokens') ?? 0),
    output: output ?? 0,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
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

function thinkingTokens(usage: unknown): number | undefined {
  const details = isJsonObject(usage) ? usage['output_tokens_details'] : undefined;
  return isJsonObject(details) ? countOf(details['thinking_tokens']) : undefined;
}
