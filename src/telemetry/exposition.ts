import { setImmediate } from 'node:timers/promises';

/** A metric and its series, in Prometheus' text format 0.0.4 [prometheus.io/docs/instrumenting/exposition_formats]. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labelNames: readonly string[];
  /** Computed one by one, so that a large family can be written in slices. */
  lines(): Iterable<string> | Promise<Iterable<string>>;
  /** Forgets the series of models that are gone. */
  drop?(isGone: (model: string) => boolean): void;
}

export type Labels<Label extends string> = Readonly<Record<Label, string>>;

/** A chunk of this length is written before the next is made. */
const CHUNK_CHARACTERS = 65_536;
/** Requests wait no longer than this for a slice of a scrape. */
const SLICE_MS = 2;

/** All families as text, in slices between which the event loop goes on. */
export async function* exposition(families: Iterable<Family>): AsyncGenerator<string, void> {
  let text = '';
  let startedMs = performance.now();
  for (const family of families) {
    text += `# HELP ${family.name} ${family.help}\n# TYPE ${family.name} ${family.type}\n`;
    const given = family.lines();
    const lines = given instanceof Promise ? await given : given;
    for (const line of lines) {
      text += line;
      const isFull = text.length >= CHUNK_CHARACTERS;
      if (!isFull && performance.now() - startedMs < SLICE_MS) continue;
      if (isFull) {
        yield text;
        text = '';
      }
      await setImmediate();
      startedMs = performance.now();
    }
  }
  yield text;
}

/** One sample, with its line feed. @param labels from `labelText` */
export function sample(name: string, labels: string, value: number): string {
  const of = labels === '' ? '' : `{${labels}}`;
  return `${name}${of} ${numberText(value)}\n`;
}

/** `a="1",b="2"`: in the given order, so that equal labels make equal texts. */
export function labelText<Label extends string>(names: readonly Label[], labels: Labels<Label>): string {
  return names.map((name) => `${name}="${escaped(labels[name])}"`).join(',');
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
