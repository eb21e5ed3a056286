import { type InputFault, InvalidInputError } from '../../../input/input-errors.js';
import {
  DEEPEST_JSON,
  describeValue,
  isDeeperThan,
  isJsonObject,
  isPresent,
  type Fields,
  type JsonValue,
} from '../../../input/json.js';
import type { JobInput } from '../../../jobs/job.js';
import { SIZE } from '../../../template/choices.js';
import { readMessages } from '../../chat/parse-chat.js';
import { readImage, readImages } from './read-images.js';

const MOST_IMAGES_OUT = 100;
const LONGEST_SECONDS = 3600;
const LONGEST_WORD = 200;
const MOST_EXTRAS = 100;

/** Fields that are text or a number. */
export const TEXT_FIELDS: ReadonlySet<string> = new Set([
  'model',
  'model_name',
  'prompt',
  'input',
  'messages',
  'negative_prompt',
  'temperature',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'size',
  'seconds',
  'quality',
  'seed',
  'stream',
  'response_format',
  'webhook_url',
]);
/** Fields that have a meaning of their own; all others are for {EXTRA.name}. */
const KNOWN: ReadonlySet<string> = new Set([
  ...TEXT_FIELDS,
  'image',
  'images',
  'input_reference',
  'mask',
  'extra',
  'stream_options',
]);

/**
 * Reads the fields that all APIs for jobs share, from JSON or from a form: numbers may come as text, and `null` is a field
 * that is not set.
 * @param alone fields that this API does not use
 * @throws InvalidInputError with every fault
 */
export function readJobInput(fields: Fields, alone: readonly string[] = []): JobInput {
  const faults: InputFault[] = [];
  const read = readPrompt(fields, faults);
  const images = [...readImages(fields, faults), ...read.images];
  const size = readSize(fields['size'], faults);
  const input: JobInput = {
    prompt: read.prompt,
    messages: read.messages,
    ...set('temperature', readNumber(fields, 'temperature', [0, 2], faults)),
    ...set(
      'max_tokens',
      readNumber(fields, limitField(fields), [1, Number.MAX_SAFE_INTEGER], faults, 'whole number'),
    ),
    ...set('n', readNumber(fields, 'n', [1, MOST_IMAGES_OUT], faults, 'whole number')),
    ...set('size', size),
    ...set('seconds', readNumber(fields, 'seconds', [0.1, LONGEST_SECONDS], faults)),
    ...set('quality', readText(fields, 'quality', LONGEST_WORD, faults)),
    ...set('negative_prompt', readText(fields, 'negative_prompt', Infinity, faults)),
    ...set('seed', readNumber(fields, 'seed', [-1, Number.MAX_SAFE_INTEGER], faults, 'whole number')),
    ...(images.length === 0 ? {} : { images }),
    ...(isPresent(fields['mask']) ? { mask: readImage(fields['mask'], 'mask', faults) } : {}),
    ...set('extra', readExtra(fields, new Set(alone), faults)),
  };
  if (faults.length > 0) throw new InvalidInputError(faults);
  return input;
}

interface ReadPrompt {
  readonly prompt: string;
  readonly messages: JobInput['messages'];
  /** The pictures of a chat. */
  readonly images: readonly string[];
}

function readPrompt(fields: Fields, faults: InputFault[]): ReadPrompt {
  if (isPresent(fields['messages'])) return readChat(fields['messages'], faults);
  const field = isPresent(fields['prompt']) || !isPresent(fields['input']) ? 'prompt' : 'input';
  const prompt = fields[field];
  if (typeof prompt === 'string' && prompt.trim() !== '')
    return { prompt, messages: [{ role: 'user', content: prompt }], images: [] };
  faults.push({ field, problem: `must be a text that describes what to make${describeValue(prompt)}` });
  return { prompt: '', messages: [], images: [] };
}

/** The last user message describes what to make, and its images are the input images. */
function readChat(value: unknown, faults: InputFault[]): ReadPrompt {
  const before = faults.length;
  const messages = readMessages(value, faults);
  if (faults.length > before) return { prompt: '', messages, images: [] };
  const index = messages.findLastIndex(({ role }) => role === 'user');
  const content = messages[index]?.content;
  const parts: readonly unknown[] = Array.isArray(content) ? content : [{ type: 'text', text: content }];
  const texts = parts.flatMap((part) =>
    isJsonObject(part) && part['type'] === 'text' && typeof part['text'] === 'string' ? [part['text']] : [],
  );
  const prompt = texts.join('');
  if (prompt.trim() === '')
    faults.push({
      field: 'messages',
      problem: 'the last user message must hold text that describes what to make',
    });
  const images = parts.flatMap((part, at) =>
    isJsonObject(part) && part['type'] === 'image_url'
      ? [readImage(part, `messages[${index}].content[${at}]`, faults)]
      : [],
  );
  return { prompt, messages, images };
}

function limitField(fields: Fields): string {
  return isPresent(fields['max_tokens']) ? 'max_tokens' : 'max_completion_tokens';
}

function readSize(size: unknown, faults: InputFault[]): string | undefined {
  if (!isPresent(size) || size === 'auto') return undefined;
  if (typeof size === 'string' && SIZE.test(size)) return size;
  faults.push({
    field: 'size',
    problem: `must be WIDTHxHEIGHT in pixels, such as 1280x720, or "auto"${describeValue(size)}`,
  });
  return undefined;
}

function readNumber(
  fields: Fields,
  field: string,
  [least, most]: readonly [number, number],
  faults: InputFault[],
  kind: 'number' | 'whole number' = 'number',
): number | undefined {
  const value = numeric(fields[field]);
  if (!isPresent(value)) return undefined;
  const isOfKind = kind === 'number' ? typeof value === 'number' : Number.isSafeInteger(value);
  if (isOfKind && Number(value) >= least && Number(value) <= most) return Number(value);
  const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
  faults.push({ field, problem: `must be a ${kind} ${range}${describeValue(fields[field])}` });
  return undefined;
}

/** A form holds text only, and OpenAI's clients send `seconds` as text in JSON, too. */
function numeric(value: unknown): unknown {
  if (value === '') return undefined;
  return typeof value === 'string' && /^-?\d{1,15}(\.\d{1,10})?$/.test(value) ? Number(value) : value;
}

function readText(fields: Fields, field: string, longest: number, faults: InputFault[]): string | undefined {
  const value = fields[field];
  if (!isPresent(value)) return undefined;
  if (typeof value === 'string' && value.length <= longest) return value;
  const accepted = Number.isFinite(longest) ? `text of up to ${longest} characters` : 'text';
  faults.push({ field, problem: `must be ${accepted}${describeValue(value)}` });
  return undefined;
}

/** Other fields of the request, and those of `extra`, which win. */
function readExtra(
  fields: Fields,
  alone: ReadonlySet<string>,
  faults: InputFault[],
): Readonly<Record<string, JsonValue>> | undefined {
  const own = fields['extra'];
  if (isPresent(own) && !isJsonObject(own))
    faults.push({ field: 'extra', problem: `must be an object of further fields${describeValue(own)}` });
  const others = Object.entries(fields).filter(([name]) => !KNOWN.has(name) && !alone.has(name));
  const all = [...others, ...Object.entries(isJsonObject(own) ? own : {})].filter(([, value]) =>
    isPresent(value),
  );
  if (all.length > MOST_EXTRAS)
    faults.push({
      field: 'extra',
      problem: `${all.length} further fields; at most ${MOST_EXTRAS} are accepted`,
    });
  for (const [name, value] of all)
    if (isDeeperThan(DEEPEST_JSON, value))
      faults.push({ field: name, problem: `nested deeper than ${DEEPEST_JSON} levels` });
  return all.length === 0 ? undefined : (Object.fromEntries(all) as Record<string, JsonValue>);
}

function set<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [N in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value };
}
