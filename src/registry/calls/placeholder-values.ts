import { type Priority, rankOf } from '../../config/balancing-settings.js';
import { UnsupportedFieldError } from '../../input/input-errors.js';
import { fieldOf, type PlaceholderName, type PlaceholderValues } from '../../template/placeholders.js';
import type { TemplateCall, WorkerDefaults } from '../worker.js';
import { type MediaInput, mediaValues } from './media-values.js';

/** One turn of a conversation in OpenAI's format. */
interface Message {
  readonly role: string;
  readonly content: unknown;
}

/** The parts of a request that a template can use. */
export interface TemplateInput {
  readonly messages: readonly Message[];
  readonly temperature: number | undefined;
  readonly maxTokens: number | undefined;
  /** The input of an embeddings request. */
  readonly input?: unknown;
  /** The fields of a request for images or videos, besides its prompt. */
  readonly media?: MediaInput;
}

type Template = Pick<TemplateCall, 'placeholders' | 'choices' | 'takesMedia' | 'takesImageBytes'>;

const NO_MEDIA: MediaInput = {};

/**
 * The request as placeholder values for one worker.
 * @param id a random seed is derived from it, so that a repeated try gets the same
 * @param priority of a job's call and a probe: as an ordinary request
 * @throws UnsupportedFieldError for a value that the worker's choices exclude
 */
export function placeholderValues(
  id: string,
  input: TemplateInput,
  modelName: string,
  defaults: WorkerDefaults,
  template: Template,
  stream: boolean,
  priority: Priority = 'default',
): PlaceholderValues {
  const { placeholders } = template;
  const messages = withSystem(input.messages, defaults.system_prompt);
  const values = {
    USER_PROMPT: promptOf(messages, placeholders),
    MODEL_NAME: modelName,
    MODEL_TEMPERATURE: input.temperature ?? defaults.temperature,
    MAX_TOKENS: input.maxTokens ?? defaults.max_tokens,
    SYSTEM_PROMPT: placeholders.has('SYSTEM_PROMPT') ? systemOf(messages) : undefined,
    MESSAGES: messages,
    HISTORY: placeholders.has('HISTORY') ? historyOf(messages) : undefined,
    INPUT: input.input,
    STREAM: stream,
    REQUEST_ID: id,
    PRIORITY: rankOf(priority),
  };
  if (!template.takesMedia) return values;
  return { ...values, ...mediaValues(input.media ?? NO_MEDIA, defaults, template, id) };
}

/** Adds the worker's own system prompt if the request has none. */
function withSystem(messages: readonly Message[], systemPrompt: string | undefined): readonly Message[] {
  if (systemPrompt === undefined || messages.some(isSystem)) return messages;
  return [{ role: 'system', content: systemPrompt }, ...messages];
}

/**
 * The last user message if other placeholders carry the rest, otherwise a transcript of the messages that no other
 * placeholder carries. A single message stays as it is.
 */
function promptOf(messages: readonly Message[], placeholders: ReadonlySet<PlaceholderName>): string {
  const lastUser = messages.findLastIndex(({ role }) => role === 'user');
  const last = textOf(messages[lastUser === -1 ? messages.length - 1 : lastUser]?.content);
  if (messages.length === 1 || placeholders.has('MESSAGES')) return last;
  const carried = messages.filter((message, index) => {
    if (placeholders.has('SYSTEM_PROMPT') && isSystem(message)) return false;
    return !placeholders.has('HISTORY') || isSystem(message) || index >= lastUser;
  });
  if (carried.length <= 1) return last;
  return carried.map(({ role, content }) => `${role}: ${textOf(content)}`).join('\n');
}

function systemOf(messages: readonly Message[]): string | undefined {
  const texts = messages.filter(isSystem).map(({ content }) => textOf(content));
  return texts.length === 0 ? undefined : texts.join('\n');
}

/** Earlier turns as [question, answer]; the last question is the prompt. */
function historyOf(messages: readonly Message[]): readonly (readonly [string, string])[] {
  const turns: [string, string][] = [];
  const lastUser = messages.findLastIndex(({ role }) => role === 'user');
  for (const { role, content } of messages.slice(0, Math.max(0, lastUser))) {
    if (role === 'user') turns.push([textOf(content), '']);
    const turn = turns.at(-1);
    if (role === 'assistant' && turn !== undefined) turn[1] += textOf(content);
  }
  return turns;
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer';
}

/** The text of a message. Other parts are lost here only if {MESSAGES} carries them. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as { type?: unknown; text?: unknown; refusal?: unknown }[])
    .map((part) => (part?.type === 'text' ? part.text : part?.type === 'refusal' ? part.refusal : ''))
    .filter((text) => typeof text === 'string')
    .join('');
}

/** Checks the value without which this worker cannot serve a request. @throws UnsupportedFieldError */
export function requireValue(requires: PlaceholderName | null, values: PlaceholderValues): void {
  if (requires === null || values[requires] !== undefined) return;
  const field = fieldOf(requires) ?? requires.replace(/^EXTRA\./, '').toLowerCase();
  throw new UnsupportedFieldError(field, 'is missing, and this worker serves requests with it only');
}
