import { createHash, type Hash } from 'node:crypto';
import { InvalidInputError } from '../../input/input-errors.js';
import { isJsonObject } from '../../input/json.js';
import { eachItemSpan, findFields, itemSpans, type Span } from '../passthrough/json-scanner.js';

/**
 * Headers that name a conversation, the first one that is sent counts. opencode sends `x-session-id` and `x-session-affinity`
 * (packages/opencode/src/session/llm/request.ts), Codex `session-id`, before 2026 `session_id`
 * (codex-rs/codex-api/src/requests/headers.rs), Claude Code `x-claude-code-session-id`.
 */
export const SESSION_HEADERS = [
  'x-session-id',
  'session-id',
  'session_id',
  'x-session-affinity',
  'x-claude-code-session-id',
] as const;

/** Of the first message of the user. A long document stays together with different questions behind it. */
const MOST_CHARACTERS = 4096;
/** The most that UTF-8 needs for one UTF-16 unit. */
const BYTES_PER_CHARACTER = 3;

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
/** `instructions` and `input` are those of OpenAI's responses, `system` is Anthropic's, `prompt` of completions. */
const FIELDS: ReadonlySet<string> = new Set([
  'system',
  'instructions',
  'messages',
  'input',
  'prompt',
  'tools',
  'prompt_cache_key',
]);
const PART_FIELDS: ReadonlySet<string> = new Set(['text']);
const TURN_FIELDS: ReadonlySet<string> = new Set(['role', 'content']);

/** What a parsed chat begins with. */
export interface ChatStart {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: unknown;
  readonly prompt_cache_key?: unknown;
}

/**
 * Identifies the conversation of a request, never the client: a service account is one user with many conversations.
 * '': nothing identifies it. Found on first use, and only once.
 * @param start the key of what the conversation begins with; called only without a session header
 */
export function affinityKeyOf(headers: Headers, start: () => string): () => string {
  let key: string | null = null;
  return () => (key ??= sessionOf(headers) ?? start());
}

type Headers = Readonly<Record<string, unknown>>;

function sessionOf(headers: Headers): string | null {
  for (const name of SESSION_HEADERS) {
    const session = headers[name];
    if (typeof session === 'string' && session !== '') return session;
  }
  return null;
}

/**
 * A hash of what all turns of a conversation begin with: system prompt, the first message of the user, tools, and
 * `prompt_cache_key`. The body is scanned, not parsed, and texts count as they are spelled in JSON. Marks such as
 * `cache_control`, which clients move from turn to turn, do not count. '' for a body without any of it, or one that is no
 * valid request.
 * @param body of a request to OpenAI's or Anthropic's API
 */
export function bodyAffinityKey(body: Buffer): string {
  try {
    const start = new ConversationHash(body);
    start.add(findFields(body, FIELDS));
    return start.key();
  } catch (error) {
    if (error instanceof InvalidInputError) return '';
    throw error;
  }
}

/** The same key for a chat that has been parsed. */
export function chatAffinityKey({ messages, tools, prompt_cache_key }: ChatStart): string {
  const first = messages.findIndex(({ role }) => role === 'user');
  const start = messages.slice(0, first === -1 ? messages.length : first);
  const user = messages[first];
  if (user !== undefined) start.push({ role: 'user', content: shortened(user.content) });
  return bodyAffinityKey(Buffer.from(JSON.stringify({ messages: start, tools, prompt_cache_key })));
}

/** So that no long document is written for its first characters. No text is shorter in JSON than it is. */
function shortened(content: unknown): unknown {
  // One more: a pair of surrogates is not cut in two.
  if (typeof content === 'string') return content.slice(0, MOST_CHARACTERS + 1);
  if (!Array.isArray(content)) return content;
  return content.map((part: unknown) =>
    isJsonObject(part) && typeof part['text'] === 'string' ? { text: shortened(part['text']) } : part,
  );
}

class ConversationHash {
  private readonly hash: Hash = createHash('sha256');
  private isEmpty = true;

  constructor(private readonly body: Buffer) {}

  add(fields: ReadonlyMap<string, Span>): void {
    for (const name of ['system', 'instructions'] as const) this.addSystem(fields.get(name));
    this.addTurns(fields.get('messages') ?? fields.get('input') ?? fields.get('prompt'));
    for (const name of ['tools', 'prompt_cache_key'] as const) this.addWhole(name, fields.get(name));
  }

  key(): string {
    return this.isEmpty ? '' : this.hash.digest('base64url');
  }

  /** Up to the first message of the user. */
  private addTurns(turns: Span | undefined): void {
    if (turns === undefined) return;
    if (this.body[turns.start] !== OPEN_ARRAY) return this.addUser(turns);
    let isFirst = true;
    for (const { start, end } of eachItemSpan(this.body, turns.start)) {
      // A list of texts.
      if (isFirst && this.body[start] !== OPEN_OBJECT) return this.addUser(turns);
      isFirst = false;
      if (this.body[start] !== OPEN_OBJECT) continue;
      const found = findFields(this.body.subarray(start, end), TURN_FIELDS);
      const role = this.spelled(shifted(found.get('role'), start));
      const content = shifted(found.get('content'), start);
      if (role === '"user"') return this.addUser(content);
      if (role === '"system"' || role === '"developer"') this.addSystem(content);
    }
  }

  private addSystem(content: Span | undefined): void {
    for (const text of this.textsOf(content))
      this.addPiece('system', this.body.subarray(text.start, text.end));
  }

  private addUser(content: Span | undefined): void {
    let left = MOST_CHARACTERS;
    for (const { start, end } of this.textsOf(content)) {
      const enough = Math.min(end, start + left * BYTES_PER_CHARACTER);
      const text = this.body.toString('utf8', start, enough).slice(0, left);
      left -= text.length;
      this.addPiece('user', text);
      if (left === 0) return;
    }
  }

  private addWhole(name: string, span: Span | undefined): void {
    if (span !== undefined && this.spelled(span) !== 'null')
      this.addPiece(name, this.body.subarray(span.start, span.end));
  }

  private addPiece(name: string, piece: string | Buffer): void {
    if (piece.length === 0) return;
    this.isEmpty = false;
    // Text in JSON has no character 0.
    this.hash.update(`\0${name}\0`).update(piece);
  }

  /** The text of a message, or the text of each of its parts; a part without text, such as an image, is taken as it is. */
  private textsOf(content: Span | undefined): readonly Span[] {
    if (content === undefined || this.spelled(content) === 'null') return [];
    if (this.body[content.start] !== OPEN_ARRAY) return [this.innerOf(content)];
    return itemSpans(this.body, content.start).map((part) => {
      if (this.body[part.start] !== OPEN_OBJECT) return this.innerOf(part);
      const text = findFields(this.body.subarray(part.start, part.end), PART_FIELDS).get('text');
      return this.innerOf(shifted(text, part.start) ?? part);
    });
  }

  /** Without the quotes of a string. */
  private innerOf(value: Span): Span {
    return this.body[value.start] === QUOTE ? { start: value.start + 1, end: value.end - 1 } : value;
  }

  /** A short value as it is spelled. */
  private spelled(span: Span | undefined): string {
    if (span === undefined || span.end - span.start > LONGEST_WORD) return '';
    return this.body.toString('latin1', span.start, span.end);
  }
}

/** `"developer"` */
const LONGEST_WORD = 11;

function shifted(span: Span | undefined, by: number): Span | undefined {
  return span === undefined ? undefined : { start: span.start + by, end: span.end + by };
}
