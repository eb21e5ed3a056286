import type { RequestFacts } from '../../telemetry/request-facts.js';
import type { Usage } from '../chat/chat.js';

/** For the log and the metrics: what a request took, where the upstream tells. */
export function noteUsage(
  facts: Pick<RequestFacts, 'inputTokens' | 'outputTokens'>,
  usage: Usage | null,
): void {
  if (usage === null) return;
  facts.inputTokens = usage.input;
  facts.outputTokens = usage.output;
}
