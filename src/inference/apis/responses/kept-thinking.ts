import { InvalidInputError } from '../../../input/input-errors.js';
import { type Fields, parsedOrUndefined } from '../../../input/json.js';
import { type ThinkingBlock, thinkingBlocksIn } from '../../chat/thinking-blocks.js';
import { edited, listOf } from '../../passthrough/json-edits.js';
import { findFields, itemSpans, parsedSpan } from '../../passthrough/json-scanner.js';

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

/** How the ids of what was translated here go on; those of OpenAI go on with hexadecimal digits. */
const OWN = 'mmm_';
const OWN_ID = `rs_${OWN}`;

/** The id of a response or an item that is translated here. @param name unique among those of its kind */
export function ownId(kind: 'resp' | 'rs' | 'msg' | 'fc', name: string): string {
  return `${kind}_${OWN}${name}`;
}

/** Whether it names a response or an item that was translated here, and that no server keeps. */
export function isOwnId(id: string): boolean {
  return /^(?:resp|rs|msg|fc)_mmm_/.test(id);
}

const INPUT: ReadonlySet<string> = new Set(['input']);
const FIELDS: ReadonlySet<string> = new Set(['type', 'id', 'encrypted_content']);
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const MARKS = [MARK, OWN_ID].map((mark) => Buffer.from(`"${mark}`));

/**
 * A request that is passed through, without the reasoning that was written here in an earlier turn: the server has no item of such an
 * id, cannot read what was kept in it, and would refuse the request. Without such an item the body is returned itself, byte for byte.
 */
export function withoutOwnReasoning(body: Buffer): Buffer {
  if (!MARKS.some((mark) => body.includes(mark))) return body;
  try {
    const span = findFields(body, INPUT).get('input');
    if (span === undefined || body[span.start] !== OPEN_ARRAY) return body;
    const items = itemSpans(body, span.start).map(({ start, end }) => body.subarray(start, end));
    const kept = items.filter((item) => !isOwnReasoning(item));
    if (kept.length === items.length) return body;
    return edited(body, [{ ...span, by: listOf(kept) }]);
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}

function isOwnReasoning(item: Buffer): boolean {
  if (item[0] !== OPEN_OBJECT || !MARKS.some((mark) => item.includes(mark))) return false;
  const fields = findFields(item, FIELDS);
  const textOf = (name: string): string => {
    const span = fields.get(name);
    const value = span === undefined ? undefined : parsedSpan(item, span);
    return typeof value === 'string' ? value : '';
  };
  const isOwn = textOf('id').startsWith(OWN_ID) || textOf('encrypted_content').startsWith(MARK);
  return isOwn && textOf('type') === 'reasoning';
}
