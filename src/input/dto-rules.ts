import { buildMessage, ValidateBy } from 'class-validator';
import { isJsonObject } from './json.js';

/** No control characters: they hide in logs and tables, and PostgreSQL's text cannot hold U+0000 or lone surrogates. */
export const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;
export const printable = { message: '$property must not hold control characters or lone surrogates' };

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
