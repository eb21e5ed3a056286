import { InvalidInputError } from '../../input/input-errors.js';
import { isJsonObject, isPresent } from '../../input/json.js';
import type { OpenAiChat } from '../chat/chat.js';
import { UnsupportedFieldError } from '../chat/chat-errors.js';
import { type AnswerFormat, answerFormatOf } from '../chat/options.js';
import { JSON_OBJECT, jsonInstruction } from '../adapt/answer-schema.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import { edited } from './json-edits.js';
import { findFields, itemSpans, parsedSpan, type Span, withoutFields } from './json-scanner.js';

/*
 * Fields at the top of a request that is passed through, as its server takes them: clients send them to every model. The steps of
 * `adapt/` do the same to translated chats. Where nothing has to change the body is returned itself, byte for byte.
 */

const LIMITS: ReadonlySet<string> = new Set(['max_tokens', 'max_completion_tokens']);
const TOOLS: ReadonlySet<string> = new Set(['tools', 'tool_choice', 'parallel_tool_calls']);
const SAMPLING = ['temperature', 'top_p', 'top_k'] as const;
const SAMPLING_AND_EFFORT: ReadonlySet<string> = new Set([...SAMPLING, 'reasoning_effort', 'reasoning']);
const MESSAGES: ReadonlySet<string> = new Set(['messages']);
const ROLE: ReadonlySet<string> = new Set(['role']);
const OPEN_ARRAY = 0x5b;

const quoted = (name: string): Buffer => Buffer.from(`"${name}"`);
const QUOTED_TOOLS = quoted('tools');
const QUOTED_CHOICE = quoted('tool_choice');
/** The beginning of both. */
const QUOTED_TOOL = Buffer.from('"tool');
const QUOTED_SAMPLING = SAMPLING.map(quoted);
const QUOTED_LIMITS = {
  max_tokens: quoted('max_tokens'),
  max_completion_tokens: quoted('max_completion_tokens'),
};
const QUOTED_FORMAT = quoted('response_format');
const FORMAT: ReadonlySet<string> = new Set(['response_format', 'messages', 'tools']);
const DEVELOPER = quoted('developer');
const SYSTEM = quoted('system');

/** The limit in the field that the server knows. @param name `null`: it may know both */
export function withPassedLimit(body: Buffer, name: Profile['token_limit']): Buffer {
  const other = name === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  if (name === null || !body.includes(QUOTED_LIMITS[other])) return body;
  return orUnchanged(body, () => {
    const spans = findFields(body, LIMITS);
    if (!spans.has(other)) return body;
    const limit = [spans.get('max_completion_tokens'), spans.get('max_tokens')]
      .map((span) => (span === undefined ? 'null' : body.toString('utf8', span.start, span.end)))
      .find((value) => value !== 'null');
    const rest = withoutFields(body, LIMITS);
    if (limit === undefined) return rest;
    const at = rest.indexOf('{') + 1;
    return edited(rest, [{ start: at, end: at, by: Buffer.from(`"${name}":${limit},`) }]);
  });
}

/** Without an empty list of tools, and without a choice among none. OpenAI, vLLM and DashScope refuse both. */
export function withoutEmptyTools(body: Buffer): Buffer {
  if (!mayHaveEmptyTools(body)) return body;
  return orUnchanged(body, () => {
    const spans = findFields(body, TOOLS);
    if (spans.size === 0) return body;
    const tools = valueOf(body, spans.get('tools'));
    if (Array.isArray(tools) ? tools.length > 0 : isPresent(tools)) return body;
    const choice = valueOf(body, spans.get('tool_choice'));
    // Without tools a tool cannot be required: the server's own words say why.
    if (isPresent(choice) && choice !== 'auto' && choice !== 'none') return body;
    return withoutFields(body, TOOLS);
  });
}

const EMPTY_LIST = /^\s*:\s*\[\s*\]/;

/** One search through the bytes of a chat without tools. */
function mayHaveEmptyTools(body: Buffer): boolean {
  const first = body.indexOf(QUOTED_TOOL);
  if (first === -1) return false;
  let at = body.indexOf(QUOTED_TOOLS, first);
  if (at === -1) return body.includes(QUOTED_CHOICE, first);
  for (; at !== -1; at = body.indexOf(QUOTED_TOOLS, at + 1)) {
    const after = at + QUOTED_TOOLS.length;
    if (EMPTY_LIST.test(body.toString('latin1', after, after + 40))) return true;
  }
  return false;
}

/** Without sampling that the model refuses. 1 is what it does without the field, too. */
export function withPassedSampling(body: Buffer, sampling: Profile['sampling']): Buffer {
  if (sampling === 'all' || !QUOTED_SAMPLING.some((name) => body.includes(name))) return body;
  return orUnchanged(body, () => {
    const spans = findFields(body, SAMPLING_AND_EFFORT);
    const value = (name: string): unknown => valueOf(body, spans.get(name));
    const effort = value('reasoning_effort') ?? effortIn(value('reasoning')) ?? 'none';
    if (sampling === 'without_reasoning' && effort === 'none') return body;
    const sent = SAMPLING.filter((name) => isPresent(value(name)) && value(name) !== 1);
    const both = sent.includes('temperature') && sent.includes('top_p');
    const refused: readonly string[] = sampling === 'one' ? (both ? ['top_p'] : []) : sent;
    return refused.length === 0 ? body : withoutFields(body, new Set(refused));
  });
}

function effortIn(reasoning: unknown): unknown {
  return isJsonObject(reasoning) ? reasoning['effort'] : undefined;
}

/** The developer's messages as those of the system, which mean the same. */
export function withPassedRoles(body: Buffer, takesDeveloper: boolean): Buffer {
  if (takesDeveloper || !body.includes(DEVELOPER)) return body;
  return orUnchanged(body, () => {
    const list = findFields(body, MESSAGES).get('messages');
    if (list === undefined || body[list.start] !== OPEN_ARRAY) return body;
    const edits = itemSpans(body, list.start).flatMap(({ start, end }) => {
      const role = findFields(body.subarray(start, end), ROLE).get('role');
      if (role === undefined) return [];
      const span = { start: start + role.start, end: start + role.end };
      return parsedSpan(body, span) === 'developer' ? [{ ...span, by: SYSTEM }] : [];
    });
    return edits.length === 0 ? body : edited(body, edits);
  });
}

/** A schema of the answer in words, for a server that can be held to JSON only, and that wants the word. */
export function withPassedSchema(body: Buffer, rule: Profile['answer_schemas']): Buffer {
  if (rule !== 'json_object' || !body.includes(QUOTED_FORMAT)) return body;
  return orUnchanged(body, () => {
    const spans = findFields(body, FORMAT);
    const [format, list] = [spans.get('response_format'), spans.get('messages')];
    if (format === undefined || list === undefined || body[list.start] !== OPEN_ARRAY) return body;
    const wanted = formatIn(parsedSpan(body, format));
    const tools = valueOf(body, spans.get('tools'));
    const content = jsonInstruction(wanted, Array.isArray(tools), () =>
      body.toString('utf8', list.start, list.end),
    );
    if (content === null) return body;
    const instruction = JSON.stringify({ role: 'system', content });
    const items = itemSpans(body, list.start);
    const next = items.find(
      (item) => !isInstruction(valueOf(body.subarray(item.start, item.end), roleIn(body, item))),
    );
    const last = items.at(-1);
    const at = next?.start ?? last?.end ?? list.start + 1;
    const by = next !== undefined ? `${instruction},` : last === undefined ? instruction : `,${instruction}`;
    const edits = [
      { ...format, by: Buffer.from(JSON.stringify(JSON_OBJECT)) },
      { start: at, end: at, by: Buffer.from(by) },
    ];
    return edited(
      body,
      edits.toSorted((a, b) => a.start - b.start),
    );
  });
}

/** A format that is not known is for the worker to refuse. */
function formatIn(format: unknown): AnswerFormat {
  try {
    return answerFormatOf({ messages: [], response_format: format } as unknown as OpenAiChat);
  } catch (error) {
    if (error instanceof UnsupportedFieldError) return 'text';
    throw error;
  }
}

function roleIn(body: Buffer, { start, end }: Span): Span | undefined {
  return findFields(body.subarray(start, end), ROLE).get('role');
}

function isInstruction(role: unknown): boolean {
  return role === 'system' || role === 'developer';
}

function valueOf(body: Buffer, span: Span | undefined): unknown {
  return span === undefined ? undefined : parsedSpan(body, span);
}

/** What is no valid request is for the worker to refuse. */
function orUnchanged(body: Buffer, change: () => Buffer): Buffer {
  try {
    return change();
  } catch (error) {
    if (error instanceof InvalidInputError) return body;
    throw error;
  }
}
