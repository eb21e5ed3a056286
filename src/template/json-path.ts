import { TemplateError } from './template-error.js';

/** A key of an object, or the index of an element (negative: from the end). */
export type Step = string | number;

const LONGEST_PATH = 500;
// A bare name holds nothing that needs quotes, and nothing that PostgreSQL's text cannot store.
const BARE_NAME = /[^\s.[\]"'\\\p{Cc}\p{Cs}]+/uy;
const WHOLE_BARE_NAME = /^[^\s.[\]"'\\\p{Cc}\p{Cs}]+$/u;
const INDEX = /-?\d+/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const ROOT = 'response';
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads `a.b[].c`, `[2]`, `[-1]`, `["odd.key"]`, `['x']` and `response["a"]["b"][0]["c"]`, in any mixture.
 * A leading `response` means the answer itself only where `[` follows; else it is a key like any other
 * (`response`, `response.text`). A list under a key of that name is `["response"][0]`.
 */
export function parsePath(path: string, field: string): readonly Step[] {
  return readTokens(path, field, false).map((token) => ('index' in token ? token.index : token.key));
}

/** A step as it is written. `all`: `[*]`. */
export type PathToken =
  { readonly index: number } | { readonly key: string; readonly quoted: boolean } | { readonly all: true };
type SingleToken = Exclude<PathToken, { readonly all: true }>;

/** Like `parsePath`, and knows `[*]`. Throws TemplateError. */
export function parseTokens(path: string, field: string): readonly PathToken[] {
  return readTokens(path, field, true);
}

function readTokens(path: string, field: string, many: true): readonly PathToken[];
function readTokens(path: string, field: string, many: false): readonly SingleToken[];
function readTokens(path: string, field: string, many: boolean): readonly PathToken[] {
  if (path.length > LONGEST_PATH)
    throw new TemplateError(field, `must have at most ${LONGEST_PATH} characters, not ${path.length}`);
  return new PathReader(path, field, many).read();
}

/** The short form; parsing it gives the same steps. */
export function printPath(steps: readonly Step[]): string {
  let path = '';
  for (const [at, step] of steps.entries()) {
    if (typeof step === 'number') path += `[${step}]`;
    else if (!WHOLE_BARE_NAME.test(step)) path += `[${JSON.stringify(step)}]`;
    else path += path === '' ? step : `.${step}`;
    if (at === 1 && path.startsWith(`${ROOT}[`)) path = `["${ROOT}"]${path.slice(ROOT.length)}`;
  }
  return path;
}

/** The place of a fault: a field of the definition, as it is written, and a path inside it. */
export function printField([field, ...steps]: readonly Step[]): string {
  const path = printPath(steps);
  return path === '' || path.startsWith('[') ? `${field}${path}` : `${field}.${path}`;
}

class PathReader {
  private at = 0;

  constructor(
    private readonly path: string,
    private readonly field: string,
    private readonly many: boolean,
  ) {}

  read(): readonly PathToken[] {
    const steps: PathToken[] = [];
    if (this.path.startsWith(`${ROOT}[`)) this.at = ROOT.length;
    while (this.at < this.path.length) {
      if (this.takes('[')) steps.push(this.bracket());
      else if (this.at === 0 || this.takes('.')) steps.push(this.bareName());
      else this.fail('expected "." or "["');
    }
    return steps;
  }

  private bareName(): PathToken {
    const key = this.match(BARE_NAME) ?? this.fail('expected a name; other keys are written ["like this"]');
    return { key, quoted: false };
  }

  private bracket(): PathToken {
    if (this.takes(']')) return { index: 0 };
    if (this.many && this.path.startsWith('*]', this.at)) {
      this.at += 2;
      return { all: true };
    }
    const quote = this.takes('"') ? '"' : this.takes("'") ? "'" : undefined;
    const step = quote === undefined ? { index: this.index() } : { key: this.quoted(quote), quoted: true };
    if (!this.takes(']')) this.fail('expected "]"');
    return step;
  }

  private index(): number {
    const start = this.at;
    const digits = this.match(INDEX) ?? this.fail('expected "]", a number or a quoted key');
    const index = Number(digits);
    if (Number.isSafeInteger(index) && !Object.is(index, -0)) return index;
    return this.fail('is no index; the last element is [-1]', start);
  }

  private quoted(quote: string): string {
    const start = this.at - 1;
    let key = '';
    while (!this.takes(quote)) {
      if (this.at >= this.path.length) this.fail('this quote is never closed', start);
      key += this.takes('\\') ? this.escaped() : this.path.charAt(this.at++);
    }
    return key;
  }

  private escaped(): string {
    const start = this.at - 1;
    if (this.takes('u')) {
      const hex = this.match(HEX4) ?? this.fail('\\u needs four hexadecimal digits', start);
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const letter = this.path.charAt(this.at++);
    const meant = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    return meant ?? this.fail('unknown escape', start);
  }

  private takes(character: string): boolean {
    if (this.path[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.path)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private fail(problem: string, at = this.at): never {
    throw new TemplateError(this.field, `column ${at + 1}: ${problem}`);
  }
}

/**
 * The value at a path, or undefined: for the events of a stream, most of which lack most values. It follows own keys of
 * objects and elements of lists only, like `follow`, which also reports why there is no value.
 */
export function valueAt(answer: unknown, steps: readonly Step[]): unknown {
  let value = answer;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) {
      if (typeof step !== 'number') return undefined;
      value = value[step < 0 ? value.length + step : step];
    } else {
      if (typeof step !== 'string' || !Object.hasOwn(value, step)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[step];
    }
  }
  return value;
}
