import { isJsonObject } from '../input/json.js';
import { cutJson } from '../input/json-source.js';
import { parsePath, printPath, type Step, valueAt } from './json-path.js';

/** No value at the path. The message shows how far the path got, and quotes nothing of the answer. */
export class ExtractError extends Error {
  override readonly name = 'ExtractError';
}

export interface Extract {
  /** The path in its short form. */
  readonly path: string;
  /** From an answer's text. Throws ExtractError. */
  from(text: string): string;
  /** From a parsed answer, in which digits beyond those of a double are lost. Throws ExtractError. */
  fromValue(value: unknown): string;
}

export interface Found {
  readonly value: unknown;
  /** The path with every index counted from the front. */
  readonly steps: readonly Step[];
}

const BYTE_ORDER_MARK = '\uFEFF';
// Numbers that a double may not hold exactly, as JavaScript prints them. A match too many does no harm.
const MAYBE_ROUNDED = /(?<![\d.])\d{16}|e\+|^-?Infinity$/;

/** Throws TemplateError naming the column. An empty path means the raw text. */
export function compileExtract(path: string, field = 'response_extract'): Extract {
  const steps = parsePath(path, field);
  return {
    path: printPath(steps),
    from: (text) => (steps.length === 0 ? rawText(text) : textAt(text, steps)),
    fromValue: (value) => asText(follow(value, steps)),
  };
}

/** Throws an ExtractError with the kind of the text, never its content. */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(withoutMark(text));
  } catch {
    throw new ExtractError(`the answer is not JSON (${describeText(text)})`);
  }
}

/** Follows own keys of objects and elements of lists only, so `constructor` and `length` are nothing special. */
export function follow(answer: unknown, steps: readonly Step[]): Found {
  const taken: Step[] = [];
  let value = answer;
  for (const step of steps) {
    const next = typeof step === 'number' ? elementOf(value, step, taken) : keyOf(value, step, taken);
    taken.push(next.step);
    value = next.value;
  }
  return { value, steps: taken };
}

/** How far a path leads into an answer: to its end, or to the last value that is there. Never throws. */
export function reach(answer: unknown, steps: readonly Step[]): Found {
  const taken: Step[] = [];
  let value = answer;
  for (const step of steps) {
    const next = valueAt(value, [step]);
    if (next === undefined) break;
    taken.push(typeof step === 'number' && step < 0 ? (value as readonly unknown[]).length + step : step);
    value = next;
  }
  return { value, steps: taken };
}

function keyOf(value: unknown, key: string, taken: readonly Step[]): { step: Step; value: unknown } {
  if (!isJsonObject(value)) throw nothing(taken, `is ${kindOf(value)}, not an object`);
  if (!Object.hasOwn(value, key)) throw nothing(taken, `has no key ${JSON.stringify(key)}`);
  return { step: key, value: value[key] };
}

function elementOf(value: unknown, index: number, taken: readonly Step[]): { step: Step; value: unknown } {
  if (!Array.isArray(value)) throw nothing(taken, `is ${kindOf(value)}, not a list`);
  const step = index < 0 ? value.length + index : index;
  if (value.length === 0) throw nothing(taken, 'is an empty list');
  if (step < 0 || step >= value.length)
    throw nothing(taken, `is a list of ${value.length}, without [${index}]`);
  return { step, value: value[step] };
}

function textAt(text: string, path: readonly Step[]): string {
  const found = follow(parseAnswer(text), path);
  const result = asText(found);
  if (typeof found.value === 'string' || !MAYBE_ROUNDED.test(result)) return result;
  return cutJson(withoutMark(text), found.steps);
}

function asText({ value, steps }: Found): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) throw nothing(steps, `is ${kindOf(value)}`);
  try {
    return JSON.stringify(value);
  } catch {
    throw nothing(steps, 'is nested too deep to be written as text');
  }
}

function rawText(text: string): string {
  if (!/^\s*"/.test(text)) return text;
  try {
    const value: unknown = JSON.parse(withoutMark(text));
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}

function nothing(steps: readonly Step[], problem: string): ExtractError {
  return new ExtractError(`${steps.length === 0 ? 'the answer' : printPath(steps)} ${problem}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return `a ${typeof value}`;
}

function describeText(text: string): string {
  const start = text.trimStart();
  if (start === '') return 'it is empty';
  return `${text.length} characters${start.startsWith('<') ? ', starting like HTML or XML' : ''}`;
}

function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}
