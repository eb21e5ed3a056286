import type { FinishReason } from '../../chat/chat.js';

/** `pause_turn` is a long turn of Anthropic's own tools, of which we ask for none. */
const FINISH: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** Reasons that are new to us are an end like any other; where none is given, calls tell. */
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
