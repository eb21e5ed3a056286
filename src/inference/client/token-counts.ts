import type { FastifyRequest } from 'fastify';
import type { TemplateInput } from '../../registry/calls/placeholder-values.js';
import type { WorkerTask } from '../../registry/worker.js';
import type { RequestFacts } from '../../telemetry/request-facts.js';
import { BYTES_PER_TOKEN, textBytesOf } from '../../usage/used.js';
import { COUNT_TOKENS } from '../apis/endpoints.js';
import type { ChatAnswer, Usage } from '../chat/chat.js';
import { findFields, parsedSpan } from '../passthrough/json-scanner.js';

/** How each API names the longest answer that a client takes. */
const LONGEST_ANSWER: ReadonlySet<string> = new Set([
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
]);

/**
 * The tokens that a request may use, before its worker has counted them: those of its text, and the longest answer that its
 * client takes. Images, videos and audio are not counted in tokens.
 */
export function estimatedTokens(
  { headers }: FastifyRequest,
  task: WorkerTask | null,
  raw: { readonly bytes: Buffer; readonly path: string; readonly spelled: 'json' | 'text' } | null,
  input: () => TemplateInput,
): number {
  if (task === 'image' || task === 'video' || task === 'audio') return 0;
  if (raw === null)
    return Number(headers['content-length'] ?? 0) / BYTES_PER_TOKEN + (input().maxTokens ?? 0);
  if (raw.spelled !== 'json' || raw.path === COUNT_TOKENS) return 0;
  return Math.ceil(textBytesOf(raw.bytes) / BYTES_PER_TOKEN) + longestAnswerOf(raw.bytes);
}

/** How each of these names begins, as all clients write it; written with escapes, it holds a backslash. */
const QUOTED_MAX = Buffer.from('"max_');
const [UNDERSCORE, BACKSLASH] = [0x5f, 0x5c] as const;
/** An escape of any character by its number [RFC 8259, 7]. */
const ESCAPE = Buffer.from('\\u');

function longestAnswerOf(body: Buffer): number {
  // A request without a limit needs no reading. A byte is found in a tenth of the time of a text.
  const mayNameIt = body.includes(UNDERSCORE) && body.includes(QUOTED_MAX);
  if (!mayNameIt && !(body.includes(BACKSLASH) && body.includes(ESCAPE))) return 0;
  try {
    let longest = 0;
    for (const span of findFields(body, LONGEST_ANSWER).values()) {
      const value = parsedSpan(body, span);
      if (typeof value === 'number' && value > longest) longest = value;
    }
    return longest;
  } catch {
    // The worker rejects the request.
    return 0;
  }
}

type UsageFacts = Pick<RequestFacts, 'inputTokens' | 'outputTokens' | 'cachedTokens' | 'answerTokens'>;

/**
 * What the answer reports, for the log, the metrics and the caller's usage.
 * @param answerTokens the size of what came, for workers that do not report it
 */
export function recordUsage(facts: UsageFacts, usage: Usage | null, answerTokens: number): void {
  facts.answerTokens = answerTokens;
  if (usage === null) return;
  facts.inputTokens = usage.input;
  facts.outputTokens = usage.output;
  facts.cachedTokens = usage.cached ?? null;
}

/** The same of a whole answer. */
export function recordAnswer(facts: UsageFacts, { text, toolCalls, usage }: ChatAnswer): void {
  const characters =
    usage === null ? (text?.length ?? 0) + (toolCalls.length > 0 ? JSON.stringify(toolCalls).length : 0) : 0;
  recordUsage(facts, usage, usage?.output ?? characters / BYTES_PER_TOKEN);
}
