import { type InputFault, InvalidInputError } from '../../../input/input-errors.js';
import {
  type PlaceholderName,
  type PlaceholderValues,
  REQUEST_NAMES,
  type Vocabulary,
} from '../../../template/placeholders.js';
import { TemplateError } from '../../../template/template-error.js';
import { UnknownNameError } from '../../../template/template-text.js';
import type { Kept, KnownValues } from '../../poll.js';

/** What is known of a job once it is submitted, besides what was kept of the upstream's answers. */
const KNOWN: ReadonlySet<string> = new Set(['MODEL_NAME', 'JOB_ID', 'REQUEST_ID']);
const LIKE_A_NAME = /^[A-Z][A-Z0-9_]*$/;
const KEPT_NAME = /^[A-Z][A-Z0-9_]{0,39}$/;

/**
 * The names of a step after the submit; a name that only a request has, or that nothing has, is a fault.
 * @param known besides those that were kept
 */
export function stepVocabulary(kept: Iterable<string>, known = KNOWN): Vocabulary {
  const names = new Set(kept);
  const all = [...names, ...known].map((name) => `{${name}}`).join(', ');
  return (name) => {
    if (names.has(name)) return keptName(name);
    if (known.has(name)) return REQUEST_NAMES(name);
    if (!LIKE_A_NAME.test(name) && REQUEST_NAMES(name) === undefined) return undefined;
    throw new UnknownNameError(`holds {${name}}, which is not known here; known are ${all}`);
  };
}

export function keptName(name: string): `KEPT.${string}` {
  return `KEPT.${name}`;
}

/** Why a name cannot be one of `keep`; `null`: it can. */
export function keptNameProblem(name: string): string | null {
  if (!KEPT_NAME.test(name))
    return 'must be a name of 1 to 40 capitals, digits and "_", beginning with a capital';
  if (REQUEST_NAMES(name) !== undefined) return 'is the name of a placeholder; choose another';
  return null;
}

/** The placeholders of `names` that were kept, by their names in `keep`. */
export function keptIn(names: Iterable<PlaceholderName>): ReadonlySet<string> {
  return new Set(
    [...names].flatMap((name) => (name.startsWith('KEPT.') ? [name.slice('KEPT.'.length)] : [])),
  );
}

/** What a step knows, as placeholder values. */
export function stepValues(
  { MODEL_NAME, JOB_ID, REQUEST_ID, kept }: KnownValues,
  ofThing: Kept = {},
): PlaceholderValues {
  const keptValues = Object.entries({ ...kept, ...ofThing }).map(
    ([name, value]) => [keptName(name), value] as const,
  );
  return { MODEL_NAME, JOB_ID, REQUEST_ID, ...Object.fromEntries(keptValues) };
}

/** The faults of a definition, all of which are reported at once. */
export class FaultList {
  readonly faults: InputFault[] = [];

  add(field: string, problem: string): void {
    this.faults.push({ field, problem });
  }

  /** What `compile` returns; `null`: it has faults, which are listed now. */
  attempt<Result>(compile: () => Result): Result | null {
    try {
      return compile();
    } catch (error) {
      if (error instanceof TemplateError) this.add(error.field, error.problem);
      else if (error instanceof InvalidInputError) this.faults.push(...error.details);
      else throw error;
      return null;
    }
  }
}
