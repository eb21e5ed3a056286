import { isJsonObject, type JsonObject } from '../../input/json.js';

/**
 * The reasoning of an answer as Anthropic signed it. The answer after a tool's result needs it back, unchanged:
 * https://platform.claude.com/docs/en/build-with-claude/thinking#preserving-thinking-blocks
 */
export type ThinkingBlock = SignedThinking | RedactedThinking;

interface SignedThinking extends Placed {
  readonly type: 'thinking';
  readonly thinking: string;
  readonly signature: string;
}

interface RedactedThinking extends Placed {
  readonly type: 'redacted_thinking';
  readonly data: string;
}

interface Placed {
  /** Where it stood in the content of its message. Left out: at the beginning, with those before it. */
  readonly index?: number;
}

/**
 * The signature of thinking that Anthropic did not make. Only Anthropic can sign thinking, and it refuses any other
 * signature: by this one such a block is found again and left out on its way there. Base64 of "unsigned:mmm", since
 * clients may expect base64.
 */
export const UNSIGNED = 'dW5zaWduZWQ6bW1t';

/** A block that Anthropic takes back; `null`: another kind of block, or one without its signature. */
export function signedBlock(value: unknown): ThinkingBlock | null {
  if (!isJsonObject(value)) return null;
  const { type, thinking, signature, data, index } = value;
  const placed = typeof index === 'number' && Number.isSafeInteger(index) && index > 0 ? { index } : {};
  if (type === 'redacted_thinking')
    return typeof data === 'string' && data !== '' ? { type, data, ...placed } : null;
  if (type !== 'thinking' || typeof thinking !== 'string' || typeof signature !== 'string') return null;
  return isSignature(signature) ? { type, thinking, signature, ...placed } : null;
}

export function isSignature(signature: string): boolean {
  return signature !== '' && signature !== UNSIGNED;
}

/** The signed blocks among the blocks of a message. Those after another block carry their index. */
export function signedBlocks(content: readonly unknown[]): readonly ThinkingBlock[] {
  const signed: ThinkingBlock[] = [];
  for (const [index, item] of content.entries()) {
    const block = signedBlock(isJsonObject(item) ? { ...item, index: undefined } : item);
    if (block !== null) signed.push(index === signed.length ? block : { ...block, index });
  }
  return signed;
}

/** The blocks of `thinking_blocks` in an assistant message of a chat; whatever else is there is left out. */
export function thinkingBlocksIn(blocks: unknown): readonly ThinkingBlock[] {
  if (!Array.isArray(blocks)) return [];
  return (blocks as unknown[]).flatMap((block) => signedBlock(block) ?? []);
}

/** The blocks of a turn with its thinking where it stood. */
export function withThinking(
  others: readonly JsonObject[],
  thinking: readonly ThinkingBlock[],
): readonly JsonObject[] {
  const all: JsonObject[] = [...others];
  for (const [nth, { index = nth, ...block }] of thinking.entries()) all.splice(index, 0, block);
  return all;
}
