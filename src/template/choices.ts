import { UnsupportedFieldError } from '../input/input-errors.js';
import { fieldOf, type PlaceholderName, REQUEST_NAMES } from './placeholders.js';
import { TemplateError } from './template-error.js';

type Choice = string | number | boolean;

/** To each placeholder what the upstream takes: a list, or an object from the client's values to the upstream's. */
export type ChoicesSpec = Readonly<Record<string, readonly Choice[] | Readonly<Record<string, Choice>>>>;

/** What the upstream takes for some placeholders. */
export interface Choices {
  /** Of equal choices the same text. */
  readonly text: string;
  /**
   * The value as the upstream wants it; values of other placeholders stay.
   * @throws UnsupportedFieldError for a value that is not among the choices; it names the client's field
   */
  readonly chosen: (name: PlaceholderName, value: Choice) => Choice;
}

export const ANY_CHOICE: Choices = { text: '', chosen: (_, value) => value };

/** Values that are computed from another field: an error must say what it gave. */
const COMPUTED: Partial<Record<PlaceholderName, string>> = {
  WIDTH: 'the width',
  HEIGHT: 'the height',
  ASPECT_RATIO: 'the aspect ratio',
  RESOLUTION: 'the resolution',
};

const CHOOSABLE: readonly PlaceholderName[] = [
  'N',
  'SIZE',
  'WIDTH',
  'HEIGHT',
  'ASPECT_RATIO',
  'RESOLUTION',
  'SECONDS',
  'QUALITY',
];

/** @param used the placeholders of the template @returns the faults of each entry; none: the choices can be compiled */
export function choiceFaults(
  spec: ChoicesSpec,
  used: ReadonlySet<PlaceholderName>,
  field = 'choices',
): readonly TemplateError[] {
  return Object.keys(spec).flatMap((key) => {
    const name = nameOf(key);
    const place = `${field}.${key}`;
    if (name === undefined)
      return [new TemplateError(place, `must be one of ${CHOOSABLE.join(', ')} or EXTRA.name`)];
    return used.has(name) ? [] : [new TemplateError(place, `is used nowhere: the template has no {${key}}`)];
  });
}

export function compileChoices(spec: ChoicesSpec | null): Choices {
  if (spec === null || Object.keys(spec).length === 0) return ANY_CHOICE;
  const tables = new Map<string, ReadonlyMap<string, Choice>>(
    Object.entries(spec).map(([name, choices]) => [name, tableOf(choices)]),
  );
  return {
    text: JSON.stringify(spec),
    chosen: (name, value) => {
      const table = tables.get(name);
      if (table === undefined) return value;
      const chosen = table.get(String(value));
      if (chosen !== undefined) return chosen;
      const all = [...table.keys()].join(', ');
      const computed = COMPUTED[name];
      const problem =
        computed === undefined
          ? `must be one of ${all}`
          : `gives ${computed} ${String(value)}, and this worker takes ${all}`;
      throw new UnsupportedFieldError(fieldOf(name) ?? name.slice('EXTRA.'.length), problem);
    },
  };
}

function nameOf(key: string): PlaceholderName | undefined {
  const name = REQUEST_NAMES(key);
  if (name === undefined) return undefined;
  return CHOOSABLE.includes(name) || name.startsWith('EXTRA.') ? name : undefined;
}

function tableOf(choices: readonly Choice[] | Readonly<Record<string, Choice>>): ReadonlyMap<string, Choice> {
  return new Map(
    Array.isArray(choices)
      ? (choices as readonly Choice[]).map((each) => [String(each), each])
      : Object.entries(choices as Readonly<Record<string, Choice>>),
  );
}

/** Width and height in pixels: `1280x720`. */
export const SIZE = /^[1-9]\d{0,4}x[1-9]\d{0,4}$/;

/** What a size says in other words. */
interface ImageSize {
  readonly width: number;
  readonly height: number;
  /** The nearest of the common ones, such as `16:9`. */
  readonly aspectRatio: string;
  /** The shorter side, such as `720p`. */
  readonly resolution: string;
}

const RATIOS = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16', '9:21'].map(
  (text) => {
    const [width = 1, height = 1] = text.split(':').map(Number);
    return { text, log: Math.log(width / height) };
  },
);

/** `null`: the text is not written as width and height. */
export function readSize(size: string): ImageSize | null {
  if (!SIZE.test(size)) return null;
  const [width = 1, height = 1] = size.split('x').map(Number);
  const log = Math.log(width / height);
  const nearest = RATIOS.reduce((best, each) =>
    Math.abs(each.log - log) < Math.abs(best.log - log) ? each : best,
  );
  return { width, height, aspectRatio: nearest.text, resolution: `${Math.min(width, height)}p` };
}
