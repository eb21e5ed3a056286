import { createHash } from 'node:crypto';
import { parseDataUrl } from '../../input/data-url.js';
import { UnsupportedFieldError } from '../../input/input-errors.js';
import type { JsonValue } from '../../input/json.js';
import { type Choices, readSize } from '../../template/choices.js';
import { fieldOf, type PlaceholderName, type PlaceholderValues } from '../../template/placeholders.js';
import type { TemplateCall, WorkerDefaults } from '../worker.js';

/** The fields of a request for images or videos, besides its prompt. */
export interface MediaInput {
  readonly n?: number;
  /** `1280x720`; `auto` is left out. */
  readonly size?: string;
  readonly seconds?: number;
  readonly quality?: string;
  readonly negative_prompt?: string;
  readonly seed?: number;
  /** Data URLs, or http(s) URLs as given. */
  readonly images?: readonly string[];
  readonly mask?: string;
  /** Other fields of the request, by their names: {EXTRA.name}. */
  readonly extra?: Readonly<Record<string, JsonValue>>;
}

type MediaTemplate = Pick<TemplateCall, 'placeholders' | 'choices' | 'takesImageBytes'>;

/** The values that only templates of images and videos have. @throws UnsupportedFieldError */
export function mediaValues(
  input: MediaInput,
  defaults: WorkerDefaults,
  { placeholders, choices, takesImageBytes }: MediaTemplate,
  id: string,
): Partial<PlaceholderValues> {
  const seed = input.seed ?? defaults.seed;
  if (takesImageBytes) requireBytes(input);
  const values = {
    N: input.n ?? defaults.n,
    ...sizeValues(input.size ?? defaults.size, placeholders),
    SECONDS: input.seconds ?? defaults.seconds,
    QUALITY: input.quality ?? defaults.quality,
    SEED: seed === 'random' ? seedOf(id) : seed,
    NEGATIVE_PROMPT: input.negative_prompt ?? defaults.negative_prompt,
    ...imageValues(input.images ?? []),
    MASK: input.mask,
    ...extraValues(input.extra ?? {}, placeholders),
  };
  return asChosen(values, choices);
}

function sizeValues(
  size: string | undefined,
  placeholders: ReadonlySet<PlaceholderName>,
): Partial<PlaceholderValues> {
  if (size === undefined) return {};
  const read = readSize(size);
  if (read !== null)
    return {
      SIZE: size,
      WIDTH: read.width,
      HEIGHT: read.height,
      ASPECT_RATIO: read.aspectRatio,
      RESOLUTION: read.resolution,
    };
  if (
    ['WIDTH', 'HEIGHT', 'ASPECT_RATIO', 'RESOLUTION'].some((name) =>
      placeholders.has(name as PlaceholderName),
    )
  )
    throw new UnsupportedFieldError('size', 'must be width and height in pixels, such as 1280x720');
  return { SIZE: size };
}

function imageValues(images: readonly string[]): Partial<PlaceholderValues> {
  const [first] = images;
  if (first === undefined) return {};
  const data = parseDataUrl(first);
  return {
    INPUT_IMAGE: first,
    INPUT_IMAGES: images,
    INPUT_IMAGE_BASE64: data?.base64,
    INPUT_IMAGE_TYPE: data?.type,
  };
}

/** @throws UnsupportedFieldError */
function requireBytes({ images = [], mask }: MediaInput): void {
  const problem = 'must be a file or a data URL: this worker takes no links';
  if (images.some((image) => !isDataUrl(image))) throw new UnsupportedFieldError('image', problem);
  if (mask !== undefined && !isDataUrl(mask)) throw new UnsupportedFieldError('mask', problem);
}

function isDataUrl(image: string): boolean {
  return parseDataUrl(image) !== null;
}

/** The links that must become data URLs before this template can be filled: it needs the bytes of images. */
export function linksToFetch(
  { images = [], mask }: MediaInput,
  { takesImageBytes }: Pick<TemplateCall, 'takesImageBytes'>,
): readonly string[] {
  if (!takesImageBytes) return [];
  return [...images, ...(mask === undefined ? [] : [mask])].filter((image) => !isDataUrl(image));
}

/** Only what the template names: the rest of a request never reaches an upstream. */
function extraValues(
  extra: Readonly<Record<string, JsonValue>>,
  placeholders: ReadonlySet<PlaceholderName>,
): Partial<PlaceholderValues> {
  const values: Record<`EXTRA.${string}`, JsonValue> = {};
  for (const placeholder of placeholders) {
    if (!placeholder.startsWith('EXTRA.')) continue;
    const name = placeholder.slice('EXTRA.'.length);
    const value = Object.hasOwn(extra, name) ? extra[name] : undefined;
    if (value !== undefined && value !== null) values[`EXTRA.${name}`] = value;
  }
  return values;
}

function asChosen(values: Partial<PlaceholderValues>, choices: Choices): Partial<PlaceholderValues> {
  if (choices.text === '') return values;
  const entries = Object.entries(values as Readonly<Record<string, unknown>>);
  const chosen = entries.map(([name, value]) => {
    const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    return [name, isScalar ? choices.chosen(name as PlaceholderName, value) : value] as const;
  });
  return Object.fromEntries(chosen);
}

/** 31 bits: the range that every vendor takes. */
function seedOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) >>> 1;
}

/**
 * Rejects a field for which the template has no placeholder: the answer would not be what was requested. A quality is a hint.
 * @throws UnsupportedFieldError
 */
export function rejectUnsupported(input: MediaInput, placeholders: ReadonlySet<PlaceholderName>): void {
  const fields = new Set([...placeholders].map(fieldOf));
  if ((input.n ?? 1) !== 1 && !fields.has('n')) reject('n', 'must be 1: this worker returns one answer');
  for (const field of ['size', 'seconds', 'seed', 'negative_prompt', 'mask'] as const)
    if (input[field] !== undefined && !fields.has(field))
      reject(field, 'not supported by this worker; leave it out');
  const images = input.images?.length ?? 0;
  if (images > 0 && !fields.has('image')) reject('image', 'not supported by this worker; leave it out');
  if (images > 1 && !placeholders.has('INPUT_IMAGES'))
    reject('image', 'must be one: this worker takes one image');
}

function reject(field: string, problem: string): never {
  throw new UnsupportedFieldError(field, problem);
}
