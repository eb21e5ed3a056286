import { InvalidInputError } from '../../../input/input-errors.js';
import { type Fields, parsedOrUndefined } from '../../../input/json.js';
import { type ThinkingBlock, thinkingBlocksIn } from '../../chat/thinking-blocks.js';
import { edited, findFields, itemSpans, listOf } from '../../passthrough/json-scanner.js';

/*
 * Clients that store nothing get reasoning in a form that only its server can read, and send it back with the next request:
 * https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items. Here it holds the thinking that Anthropic signed.
 */

/** How it begins: no other server's does. */
const MARK = 'mmm-thinking.';
const WANTED = 'reasoning.encrypted_content';

export function wantsThinking({ include }: Fields): boolean {
  return Array.isArray(include) && include.includes(WANTED);
}

export function keptThinking(blocks: readonly ThinkingBlock[]): string {
  return MARK + Buffer.from(JSON.stringify(blocks)).toString('base64url');
}

/** The blocks in the `encrypted_content` of a reasoning item; none where another server wrote it. */
export function thinkingIn(content: unknown): readonly ThinkingBlock[] {
  if (typeof content !== 'string' || !content.startsWith(MARK)) return [];
  return thinkingBlocksIn(parsedOrUndefined(Buffer.from(content.slice(MARK.length), 'base64url').toString()));
}

const INPUT: ReadonlySet<string> = new Set(['input']);
const OPEN_ARRAY = 0x5b;
const MARK_BYTES = Buffer.from(`"${MARK}`);
const REASONING = Buffer.from('"reasoning"');

/**
 * A request that is passed through, without the reasoning that was kept here: the server cannot read it, and would refuse the
 * request. Without such an item the body is returned itself, byte for byte.
 */
export function withoutKeptThinking(body: Buffer): Buffer {
  if (!body.includes(MARK_BYTES)) return body;
  try {
    const span = findFields(body, INPUT).get('input');
    if (span === undefined || body[span.start] !== OPEN_ARRAY) return body;
    const items = itemSpans(body, span.start).map(({ start, end }) => body.subarray(start, end));
    const kept = items.filter((item) => !(item.includes(MARK_BYTES) && item.includes(REASONING)));
    if (kept.length === items.length) return body;
    return edited(body, [{ ...span, by: listOf(kept) }]);
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}
