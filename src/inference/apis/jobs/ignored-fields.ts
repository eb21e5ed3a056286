import type { JobInput } from '../../../jobs/job.js';
import type { PlaceholderName } from '../../../template/placeholders.js';

/** Fields that only steer how something is made. Others that no template can say are refused. */
const HINTS = { quality: 'QUALITY', seed: 'SEED', negative_prompt: 'NEGATIVE_PROMPT' } as const;
/** Names that a header can hold. */
const NAME = /^[\w.-]{1,100}$/;
const MOST = 20;

/** The fields of a request that change nothing, since none of these templates has a place for them. */
export function ignoredFields(
  input: JobInput,
  templates: readonly ReadonlySet<PlaceholderName>[],
): readonly string[] {
  const isSaid = (name: PlaceholderName): boolean => templates.some((placeholders) => placeholders.has(name));
  const hints = Object.entries(HINTS).flatMap(([field, name]) =>
    input[field as keyof typeof HINTS] !== undefined && !isSaid(name) ? [field] : [],
  );
  const extras = Object.keys(input.extra ?? {}).filter((name) => !isSaid(`EXTRA.${name}`) && NAME.test(name));
  return [...hints, ...extras].slice(0, MOST);
}
