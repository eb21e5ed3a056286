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
}

/** For templates that refer to secrets only. */
export const NO_VALUES: PlaceholderValues = { MODEL_NAME: '', REQUEST_ID: '' };

export type PlaceholderName = keyof PlaceholderValues;

/** Reads a secret when a request is rendered. Throws an error of its own when there is none. */
export type SecretLookup = (name: string) => string;

const ALWAYS_PRESENT = {
  USER_PROMPT: false,
  MODEL_NAME: true,
  MODEL_TEMPERATURE: false,
  MAX_TOKENS: false,
  SYSTEM_PROMPT: false,
  MESSAGES: false,
  HISTORY: false,
  INPUT: false,
  STREAM: false,
  REQUEST_ID: true,
} satisfies Record<PlaceholderName, boolean>;

export const PLACEHOLDER_NAMES: readonly PlaceholderName[] =
  Object.keys(ALWAYS_PRESENT).filter(isPlaceholderName);

export function isPlaceholderName(name: string): name is PlaceholderName {
  return Object.hasOwn(ALWAYS_PRESENT, name);
}

export function isAlwaysPresent(name: PlaceholderName): boolean {
  return ALWAYS_PRESENT[name];
}
