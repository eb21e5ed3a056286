import { buildMessage, ValidateBy } from 'class-validator';
import { InvalidInputError } from './input-errors.js';
import { isJsonObject } from './json.js';

/** No control characters: they hide in logs and tables, and PostgreSQL's text cannot hold U+0000 or lone surrogates. */
export const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;
export const printable = { message: '$property must not hold control characters or lone surrogates' };

export const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
export const time = {
  message: '$property must be a date (2026-11-27) or a time with its zone (2026-11-27T08:00:00Z)',
};

/** @param text of the form of `TIME` @throws InvalidInputError for a month 13 or an hour 25 */
export function existingTime(field: string, text: string): Date {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new InvalidInputError([{ field, problem: `must be a time that exists; ${text} does not` }]);
}

/** A path of a URL, with its query. */
export const PATH = /^\/[\x21-\x7e]*$/;
export const pathOnly = { message: '$property must begin with / and hold printable ASCII only' };

const isScalar = (value: unknown): boolean =>
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value));

function recordRule(
  name: string,
  accepted: string,
  check: (record: Readonly<Record<string, unknown>>) => boolean,
): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value: unknown) => isJsonObject(value) && check(value),
      defaultMessage: buildMessage((each) => `${each}$property must be ${accepted}`),
    },
  });
}

/** An object of strings, with limits on the number of entries and on the length of keys and values. */
export function IsStringRecord(entries: number, keyLength = 200, valueLength = 16_384): PropertyDecorator {
  return recordRule(
    'isStringRecord',
    `an object of strings: at most ${entries}, keys of 1 to ${keyLength} and values of up to ${valueLength} characters`,
    (record) =>
      Object.keys(record).length <= entries &&
      Object.entries(record).every(
        ([key, value]) =>
          key.length >= 1 &&
          key.length <= keyLength &&
          typeof value === 'string' &&
          value.length <= valueLength,
      ),
  );
}

export function IsScalarRecord(entries: number): PropertyDecorator {
  return recordRule(
    'isScalarRecord',
    `an object of strings, numbers and booleans, at most ${entries}`,
    (record) => Object.keys(record).length <= entries && Object.values(record).every(isScalar),
  );
}

export function IsJsonScalar(): PropertyDecorator {
  return ValidateBy({
    name: 'isJsonScalar',
    validator: {
      validate: (value: unknown) => value === null || isScalar(value),
      defaultMessage: buildMessage(
        (each) => `${each}$property must be a string, a number, true, false or null`,
      ),
    },
  });
}

function listRule(name: string, accepted: string, check: (value: unknown) => boolean): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: check,
      defaultMessage: buildMessage((each) => `${each}$property must be ${accepted}`),
    },
  });
}

/** A list of JSON scalars, null included. */
export function IsScalarList(most: number): PropertyDecorator {
  return listRule('isScalarList', `a list of 1 to ${most} strings, numbers, booleans or null`, (value) =>
    isScalarList(value, most),
  );
}

const MOST_WORDS = 100;

/** A list of JSON scalars, or `"any"`. */
export function IsWords(): PropertyDecorator {
  return listRule(
    'isWords',
    `a list of 1 to ${MOST_WORDS} strings, numbers, booleans or null, or "any"`,
    (value) => value === 'any' || isScalarList(value, MOST_WORDS),
  );
}

function isScalarList(value: unknown, most: number): boolean {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= most &&
    value.every((each) => each === null || isScalar(each))
  );
}

/** A string or a list of strings; `list`: a list only. */
export function IsText(longest: number, most: number, kind: 'either' | 'list' = 'either'): PropertyDecorator {
  const isText = (value: unknown): boolean =>
    typeof value === 'string' && value.length >= 1 && value.length <= longest;
  const list = `a list of 1 to ${most} strings of 1 to ${longest} characters`;
  return listRule(
    'isText',
    kind === 'list' ? list : `a string of 1 to ${longest} characters, or ${list}`,
    (value) =>
      (kind === 'either' && isText(value)) ||
      (Array.isArray(value) && value.length >= 1 && value.length <= most && value.every(isText)),
  );
}

/** Lists and objects of scalars by the name of a placeholder. */
export function IsChoices(): PropertyDecorator {
  return recordRule(
    'isChoices',
    `an object: to each placeholder a list of 1 to ${MOST_WORDS} strings, numbers or booleans, or an object of them`,
    (record) => Object.keys(record).length <= 20 && Object.values(record).every(isChoice),
  );
}

function isChoice(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const choices: readonly unknown[] = Object.values(value);
  return choices.length >= 1 && choices.length <= MOST_WORDS && choices.every(isScalar);
}

/** A whole number, or `"random"`. */
export function IsSeed(): PropertyDecorator {
  return listRule(
    'isSeed',
    'a whole number from -1 up, or "random"',
    (value) => value === 'random' || (Number.isSafeInteger(value) && Number(value) >= -1),
  );
}
