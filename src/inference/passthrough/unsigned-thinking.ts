import { InvalidInputError } from '../../input/input-errors.js';
import { type Fields, isJsonObject } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import { UNSIGNED } from '../chat/thinking-blocks.js';
import { type Edit, edited, listOf } from './json-edits.js';
import { findFields, itemSpans, parsedSpan, type Span } from './json-scanner.js';

const FIELDS: ReadonlySet<string> = new Set(['messages', 'thinking', 'context_management']);
const CONTENT: ReadonlySet<string> = new Set(['content']);
const SIGNATURE = Buffer.from('"signature"');
const MARK = new RegExp(`^\\s*:\\s*"${UNSIGNED}"`);
const MARK_OR_EMPTY = new RegExp(`^\\s*:\\s*"(?:${UNSIGNED})?"`);
const THINKING = Buffer.from('"thinking"');
const ENABLED = Buffer.from('"enabled"');
const TOOL_USE = Buffer.from('"tool_use"');
const OFF = Buffer.from('{"type":"disabled"}');
const NOTHING = Buffer.from('null');

/**
 * A request of the Messages API without what another vendor's model made in an earlier turn and Anthropic refuses, and with it
 * the whole chat: thinking blocks that it did not sign, and `thinking: enabled` where the calls of tools have no thinking.
 * Without them the body is returned itself, byte for byte.
 */
export function withoutUnsignedThinking(body: Buffer, kind: Profile['thinking_config']): Buffer {
  // Servers of others check no signatures, and may expect their own blocks without one.
  const cutsEmpty = kind !== 'as_sent';
  const mayLack = kind === 'enabled' && body.includes(ENABLED) && body.includes(TOOL_USE);
  if (!mayLack && !hasUnsigned(body, cutsEmpty ? MARK_OR_EMPTY : MARK)) return body;
  try {
    return cut(body, cutsEmpty, mayLack);
  } catch (error) {
    // What is no valid request is for the worker to refuse.
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}

/** One search through the bytes: requests without thinking have no such name. */
function hasUnsigned(body: Buffer, value: RegExp): boolean {
  for (let at = body.indexOf(SIGNATURE); at !== -1; at = body.indexOf(SIGNATURE, at + 1)) {
    const after = at + SIGNATURE.length;
    if (value.test(body.toString('latin1', after, after + 40))) return true;
  }
  return false;
}

function cut(body: Buffer, cutsEmpty: boolean, mayLack: boolean): Buffer {
  const fields = findFields(body, FIELDS);
  const span = fields.get('messages');
  if (span === undefined || body[span.start] !== 0x5b) return body;
  const messages = itemSpans(body, span.start).map((each) => signedOnly(body, each, cutsEmpty));
  const isCut = messages.some((message) => message.isCut);
  if (!isCut && !mayLack) return body;
  const kept = messages.flatMap(({ bytes }) => bytes ?? []);
  const cuts = isCut ? [{ ...span, by: listOf(kept) }] : [];
  return edited(body, [...cuts, ...turnedOff(body, fields, kept)]);
}

/** A message without its unsigned blocks; `bytes` are `null` where nothing is left of it. */
function signedOnly(
  body: Buffer,
  { start, end }: Span,
  cutsEmpty: boolean,
): { readonly bytes: Buffer | null; readonly isCut: boolean } {
  const message = body.subarray(start, end);
  const whole = { bytes: message, isCut: false };
  const content = findFields(message, CONTENT).get('content');
  if (content === undefined || message[content.start] !== 0x5b) return whole;
  const blocks = itemSpans(message, content.start);
  const signed = blocks.filter((block) => !isUnsigned(message, block, cutsEmpty));
  if (signed.length === blocks.length) return whole;
  if (signed.length === 0) return { bytes: null, isCut: true };
  const list = listOf(signed.map((block) => message.subarray(block.start, block.end)));
  return { bytes: edited(message, [{ ...content, by: list }]), isCut: true };
}

function isUnsigned(message: Buffer, span: Span, cutsEmpty: boolean): boolean {
  // Large blocks of other types are not parsed.
  if (!message.subarray(span.start, span.end).includes(THINKING)) return false;
  const block = parsedSpan(message, span);
  if (!isJsonObject(block) || block['type'] !== 'thinking') return false;
  return block['signature'] === UNSIGNED || (cutsEmpty && block['signature'] === '');
}

/**
 * With thinking `enabled` the last turn with tool calls must begin with thinking: without it, thinking is off for this turn,
 * and so is the edit of the context that needs it.
 */
function turnedOff(
  body: Buffer,
  fields: ReadonlyMap<string, Span>,
  messages: readonly Buffer[],
): readonly Edit[] {
  const span = fields.get('thinking');
  const thinking = span === undefined ? undefined : parsedSpan(body, span);
  if (span === undefined || !isJsonObject(thinking) || thinking['type'] !== 'enabled') return [];
  const [first] = lastCalling(messages);
  if (first === undefined || first['type'] === 'thinking' || first['type'] === 'redacted_thinking') return [];
  const edits = fields.get('context_management');
  const others = edits === undefined ? [] : withoutClearing(body, edits);
  return [{ ...span, by: OFF }, ...others];
}

/** The blocks of the last message with calls of tools. */
function lastCalling(messages: readonly Buffer[]): readonly Fields[] {
  for (const message of messages.toReversed()) {
    if (!message.includes(TOOL_USE)) continue;
    const blocks = blocksOf(parsedSpan(message, { start: 0, end: message.length }));
    if (blocks.some(({ type }) => type === 'tool_use')) return blocks;
  }
  return [];
}

function withoutClearing(body: Buffer, span: Span): readonly Edit[] {
  const management = parsedSpan(body, span);
  if (!isJsonObject(management) || !Array.isArray(management['edits'])) return [];
  const all = management['edits'] as unknown[];
  const kept = all.filter(
    (edit) => !(isJsonObject(edit) && String(edit['type']).startsWith('clear_thinking')),
  );
  if (kept.length === all.length) return [];
  const by = kept.length === 0 ? NOTHING : Buffer.from(JSON.stringify({ ...management, edits: kept }));
  return [{ ...span, by }];
}

function blocksOf(message: unknown): readonly Fields[] {
  const content = isJsonObject(message) ? message['content'] : undefined;
  return Array.isArray(content) ? (content as unknown[]).filter(isJsonObject) : [];
}
