/** A key of an object, or the index of an element; `null`: each element. */
export type SourceStep = string | number | null;

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /[^ \t\n\r,\]}]*/y;

/**
 * Cuts from JSON text the source of the value at `steps`, without whitespace between its tokens: there the
 * digits stand as they were sent. The text must be valid JSON and hold that value; indexes count from the
 * front. One pass; what recurses is the path, never the text.
 */
export function cutJson(text: string, steps: readonly (string | number)[]): string {
  return cutEach(text, steps).get('') ?? '';
}

/** The same for all values of a path with `null` in it, by their indexes: `3.1` is the second of the fourth. */
export function cutEach(text: string, steps: readonly SourceStep[]): ReadonlyMap<string, string> {
  const cutter = new JsonCutter(text, steps);
  cutter.seek(0, '');
  return cutter.found;
}

class JsonCutter {
  readonly found = new Map<string, string>();
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly steps: readonly SourceStep[],
  ) {}

  /** Passes one value. A key that comes twice overwrites what was found, as JSON.parse has it. */
  seek(depth: number, indexes: string): void {
    this.pass(SPACE);
    const step = this.steps[depth];
    if (step === undefined) {
      const start = this.at;
      this.passValue();
      this.found.set(indexes, withoutSpace(this.text.slice(start, this.at)));
    } else if (this.text[this.at] === (typeof step === 'string' ? '{' : '['))
      this.seekInside(step, depth, indexes);
    else this.passValue();
  }

  private seekInside(step: string | number | null, depth: number, indexes: string): void {
    this.at += 1;
    for (let index = 0; this.at < this.text.length; index += 1) {
      this.pass(SPACE);
      if (this.text[this.at] === ',') this.at += 1;
      this.pass(SPACE);
      if (this.text[this.at] === ']' || this.text[this.at] === '}') break;
      const key = typeof step === 'string' ? this.passKey() : index;
      if (step === null) this.seek(depth + 1, indexes === '' ? `${index}` : `${indexes}.${index}`);
      else if (key === step) this.seek(depth + 1, indexes);
      else this.passValue();
    }
    this.at += 1;
  }

  private passKey(): unknown {
    const end = endOfString(this.text, this.at);
    const key: unknown = JSON.parse(this.text.slice(this.at, end));
    this.at = end;
    this.pass(SPACE);
    this.at += 1;
    this.pass(SPACE);
    return key;
  }

  private passValue(): void {
    const opening = this.text[this.at];
    if (opening === '"') this.at = endOfString(this.text, this.at);
    else if (opening === '{' || opening === '[') this.at = endOfContainer(this.text, this.at);
    else this.pass(SCALAR);
  }

  private pass(sticky: RegExp): void {
    sticky.lastIndex = this.at;
    sticky.test(this.text);
    this.at = sticky.lastIndex;
  }
}

function endOfContainer(json: string, from: number): number {
  let open = 0;
  for (let at = from; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') at = endOfString(json, at) - 1;
    else if (character === '{' || character === '[') open += 1;
    else if (character === '}' || character === ']') {
      open -= 1;
      if (open === 0) return at + 1;
    }
  }
  return json.length;
}

function endOfString(json: string, quote: number): number {
  let at = quote + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function withoutSpace(json: string): string {
  let kept = '';
  let from = 0;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') at = endOfString(json, at) - 1;
    else if (character === ' ' || character === '\n' || character === '\r' || character === '\t') {
      kept += json.slice(from, at);
      from = at + 1;
    }
  }
  return kept + json.slice(from);
}
