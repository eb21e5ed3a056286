import type { FinishReason } from '../chat/chat.js';

/**
 * Why an answer ended, as servers of all kinds put it, in OpenAI's words. Others mean nothing: DashScope says "null" until the
 * end. TGI: eos_token, stop_sequence; Cohere: COMPLETE, MAX_TOKENS; Ollama and vLLM: stop, length.
 */
const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  complete: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_length: 'length',
  tool_calls: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  sensitive: 'content_filter',
};

export function finishReasonOf(word: string | null): FinishReason | null {
  const reason = word?.toLowerCase() ?? '';
  return Object.hasOwn(REASONS, reason) ? (REASONS[reason] ?? null) : null;
}
