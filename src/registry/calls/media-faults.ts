import { UnsupportedFieldError, type InputFault } from '../../input/input-errors.js';
import { ANY_CHOICE, choiceFaults, compileChoices } from '../../template/choices.js';
import { fieldOf, type MediaField, type PlaceholderName } from '../../template/placeholders.js';
import type { WorkerDefaults } from '../worker.js';
import type { CallDefinition } from './call-parts.js';
import { mediaValues } from './media-values.js';

interface Mentioning {
  readonly embedded: ReadonlyMap<PlaceholderName, string>;
}

const IMAGE_BYTES: readonly PlaceholderName[] = ['INPUT_IMAGE_BASE64', 'INPUT_IMAGE_TYPE'];
const IMAGE_FILES: readonly PlaceholderName[] = ['INPUT_IMAGE', 'INPUT_IMAGES', 'MASK'];

/** Whether input images must come as data URLs: their bytes stand in the request. */
export function needsImageBytes(
  placeholders: ReadonlySet<PlaceholderName>,
  format: CallDefinition['body_format'],
): boolean {
  const needing = format === 'multipart' ? [...IMAGE_BYTES, ...IMAGE_FILES] : IMAGE_BYTES;
  return needing.some((name) => placeholders.has(name));
}

/** The faults of `choices`, and of placeholders that would leave a hole without a default. */
export function mediaFaults(
  { choices, defaults }: Pick<CallDefinition, 'choices' | 'defaults'>,
  placeholders: ReadonlySet<PlaceholderName>,
  parts: readonly (Mentioning | null)[],
): readonly InputFault[] {
  const named = choiceFaults(choices ?? {}, placeholders).map(({ field, problem }) => ({ field, problem }));
  return [
    ...named,
    ...(named.length > 0 ? [] : defaultFaults(choices, defaults ?? {}, placeholders)),
    ...parts.flatMap((part) => (part === null ? [] : holeFaults(part, defaults ?? {}))),
  ];
}

/** A worker's own default must be among its choices. */
function defaultFaults(
  spec: CallDefinition['choices'],
  defaults: WorkerDefaults,
  placeholders: ReadonlySet<PlaceholderName>,
): readonly InputFault[] {
  const values = mediaValues({}, defaults, { placeholders, choices: ANY_CHOICE, takesImageBytes: false }, '');
  return Object.keys(spec ?? {}).flatMap((key) => {
    const name = key as PlaceholderName;
    const value = (values as Readonly<Record<string, unknown>>)[name];
    if (typeof value !== 'string' && typeof value !== 'number') return [];
    try {
      compileChoices(spec).chosen(name, value);
      return [];
    } catch (error) {
      if (!(error instanceof UnsupportedFieldError)) throw error;
      const problem = `excludes the worker's own defaults.${fieldOf(name) ?? name}: it ${error.problem}`;
      return [{ field: `choices.${key}`, problem }];
    }
  });
}

/** Fields without which a longer text would have a hole; the others may be empty there. */
const NEEDED: ReadonlySet<MediaField> = new Set(['n', 'size', 'seconds', 'seed']);

function holeFaults({ embedded }: Mentioning, defaults: WorkerDefaults): readonly InputFault[] {
  return [...embedded].flatMap(([name, field]) => {
    const media = fieldOf(name);
    if (media === null || !NEEDED.has(media)) return [];
    const key = media as 'n' | 'size' | 'seconds' | 'seed';
    if (defaults[key] !== undefined) return [];
    const problem = `holds {${name}} inside a longer text, so it needs defaults.${key} for requests without ${key}`;
    return [{ field, problem }];
  });
}
