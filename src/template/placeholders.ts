/** A value that `choices` may replace by what the vendor calls it. */
type Choice = string | number | boolean | undefined;

/** The values of one request. An `undefined` value is absent: neither the client nor the worker has one. */
export interface PlaceholderValues {
  readonly USER_PROMPT?: string | undefined;
  readonly MODEL_NAME: string;
  readonly MODEL_TEMPERATURE?: number | undefined;
  readonly MAX_TOKENS?: number | undefined;
  readonly SYSTEM_PROMPT?: string | undefined;
  readonly MESSAGES?: readonly unknown[] | undefined;
  readonly HISTORY?: readonly (readonly [string, string])[] | undefined;
  readonly INPUT?: unknown;
  readonly STREAM?: boolean | undefined;
  readonly REQUEST_ID: string;
  /** The rank of the request's class: 0 interactive, 1 default, 2 bulk. */
  readonly PRIORITY?: number | undefined;
  /** A UUID in lower case. */
  readonly JOB_ID?: string | undefined;
  readonly N?: Choice;
  /** `1280x720`. */
  readonly SIZE?: Choice;
  readonly WIDTH?: Choice;
  readonly HEIGHT?: Choice;
  /** `16:9`. */
  readonly ASPECT_RATIO?: Choice;
  /** `720p`. */
  readonly RESOLUTION?: Choice;
  readonly SECONDS?: Choice;
  readonly QUALITY?: Choice;
  readonly SEED?: Choice;
  readonly NEGATIVE_PROMPT?: string | undefined;
  /** A data URL, or an http(s) URL as the client sent it. */
  readonly INPUT_IMAGE?: string | undefined;
  readonly INPUT_IMAGE_BASE64?: string | undefined;
  /** `image/png`. */
  readonly INPUT_IMAGE_TYPE?: string | undefined;
  readonly INPUT_IMAGES?: readonly string[] | undefined;
  readonly MASK?: string | undefined;
  /** Another field of the request. */
  readonly [extra: `EXTRA.${string}`]: unknown;
  /** A value of an upstream's answer, by its name in `keep`. */
  readonly [kept: `KEPT.${string}`]: unknown;
}

/** For templates that refer to secrets only. */
export const NO_VALUES: PlaceholderValues = { MODEL_NAME: '', REQUEST_ID: '' };

export type PlaceholderName = keyof PlaceholderValues;
type FixedName = Exclude<PlaceholderName, `EXTRA.${string}` | `KEPT.${string}`>;

/** The placeholder that a name between braces means; `undefined`: none, so that it stays text. */
export type Vocabulary = (name: string) => PlaceholderName | undefined;

/** Reads a secret when a request is rendered. Throws an error of its own when there is none. */
export type SecretLookup = (name: string) => string;

interface Placeholder {
  readonly alwaysPresent?: true;
  /** The client's field that it is made of, in OpenAI's words. */
  readonly field?: MediaField;
}

/** What a client can say of an image or a video, by the name of its field. */
export type MediaField = 'n' | 'size' | 'seconds' | 'quality' | 'seed' | 'negative_prompt' | 'image' | 'mask';

const PLACEHOLDERS = {
  USER_PROMPT: {},
  MODEL_NAME: { alwaysPresent: true },
  MODEL_TEMPERATURE: {},
  MAX_TOKENS: {},
  SYSTEM_PROMPT: {},
  MESSAGES: {},
  HISTORY: {},
  INPUT: {},
  STREAM: {},
  REQUEST_ID: { alwaysPresent: true },
  PRIORITY: { alwaysPresent: true },
  JOB_ID: {},
  N: { field: 'n' },
  SIZE: { field: 'size' },
  WIDTH: { field: 'size' },
  HEIGHT: { field: 'size' },
  ASPECT_RATIO: { field: 'size' },
  RESOLUTION: { field: 'size' },
  SECONDS: { field: 'seconds' },
  QUALITY: { field: 'quality' },
  SEED: { field: 'seed' },
  NEGATIVE_PROMPT: { field: 'negative_prompt' },
  INPUT_IMAGE: { field: 'image' },
  INPUT_IMAGE_BASE64: { field: 'image' },
  INPUT_IMAGE_TYPE: { field: 'image' },
  INPUT_IMAGES: { field: 'image' },
  MASK: { field: 'mask' },
} satisfies Record<FixedName, Placeholder>;

const BY_NAME: Readonly<Record<string, Placeholder>> = PLACEHOLDERS;
const EXTRA = /^EXTRA\.[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

export const PLACEHOLDER_NAMES: readonly FixedName[] = Object.keys(PLACEHOLDERS).filter(isFixedName);

/** The longest name between braces. */
export const LONGEST_NAME = 'EXTRA.'.length + 64;

function isFixedName(name: string): name is FixedName {
  return Object.hasOwn(PLACEHOLDERS, name);
}

function isExtra(name: string): name is `EXTRA.${string}` {
  return EXTRA.test(name);
}

/** The placeholders of a client's request. */
export const REQUEST_NAMES: Vocabulary = (name) => (isFixedName(name) || isExtra(name) ? name : undefined);

export function isAlwaysPresent(name: PlaceholderName): boolean {
  return Object.hasOwn(BY_NAME, name) && BY_NAME[name]?.alwaysPresent === true;
}

/** The client's field that a placeholder is made of; `null`: not one of images and videos. */
export function fieldOf(name: PlaceholderName): MediaField | null {
  return Object.hasOwn(BY_NAME, name) ? (BY_NAME[name]?.field ?? null) : null;
}

/** As it is written between braces. */
export function printName(name: PlaceholderName): string {
  return name.startsWith('KEPT.') ? name.slice('KEPT.'.length) : name;
}
