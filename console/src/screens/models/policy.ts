import { nested, valueOf, type Values } from '../../api/edit';
import type { Model } from '../../api/shapes';
import type { Box } from '../../parts/form';
import type { JsonObject } from '../../words/json';

/** How each strategy picks. */
export const STRATEGIES: Readonly<Record<string, string>> = {
  least_load: 'fewest running for weight and measured pace; avoids workers that fail',
  least_request: 'fewest running, for weight',
  round_robin: 'each in turn, for weight',
  random: 'by chance, for weight',
  power_of_two: 'the better of two by chance',
  peak_ewma: 'lowest latency of late, times running',
  consistent_hash: 'the same worker for the same conversation, loads kept even',
  prefix_affinity: 'the same worker for the same conversation',
} satisfies Readonly<Record<NonNullable<Model['strategy']>, string>>;

export const LIMIT_BOXES: readonly Box[] = [
  {
    name: 'queue.max',
    label: 'May wait',
    type: 'number',
    hint: 'requests, on each replica',
  },
  { name: 'queue.wait_ms', label: 'Waits, ms', type: 'number' },
  {
    name: 'retries',
    label: 'Retries',
    type: 'number',
    hint: 'further workers, 0 to 10',
  },
  {
    name: 'timeouts.total_ms',
    label: 'Deadline, ms',
    type: 'number',
    hint: 'of all attempts together',
  },
];
export const MORE_BOXES: readonly Box[] = [
  { name: 'timeouts.connect_ms', label: 'Connect, ms', type: 'number' },
  { name: 'timeouts.first_byte_ms', label: 'First byte, ms', type: 'number' },
  { name: 'timeouts.idle_ms', label: 'Idle, ms', type: 'number' },
  {
    name: 'retry_on',
    label: 'Retry on',
    placeholder: 'all failures',
    hint: 'connection, timeout, 429, 500, 502, 503, 504, credentials',
  },
];
export const PRICE_BOXES: readonly Box[] = [
  { name: 'price.currency', label: 'Currency', placeholder: 'not priced', hint: 'such as EUR' },
  { name: 'price.input', label: 'Input', type: 'number', hint: 'a million tokens' },
  {
    name: 'price.cached_input',
    label: 'Cached input',
    type: 'number',
    placeholder: 'as input',
    hint: 'a million tokens',
  },
  { name: 'price.output', label: 'Output', type: 'number', hint: 'a million tokens' },
  { name: 'price.image', label: 'Image', type: 'number', hint: 'each' },
  { name: 'price.second', label: 'Second', type: 'number', hint: 'of video or audio' },
];

const NUMBERS = new Set(
  [...LIMIT_BOXES, ...MORE_BOXES, ...PRICE_BOXES]
    .filter(({ type }) => type === 'number')
    .map(({ name }) => name),
);

const LISTS: readonly string[] = ['fallbacks', 'retry_on'];

type Groups = Readonly<Record<string, object | null>>;

const flatOf = (groups: Groups): Values =>
  Object.fromEntries(
    Object.entries(groups).flatMap(([group, members]) =>
      Object.entries(members ?? {}).map(([name, value]) => [`${group}.${name}`, String(value ?? '')]),
    ),
  );

/** A policy as the boxes of the form have it. */
export function valuesOf({ strategy, fallbacks, retries, retry_on, queue, timeouts, price }: Model): Values {
  return {
    strategy: strategy ?? '',
    retries: String(retries ?? ''),
    ...flatOf({ queue, timeouts, price }),
    fallbacks: fallbacks.join('\n'),
    retry_on: (retry_on ?? []).join(', '),
  };
}

/** How many requests may wait. */
export const mayWaitOf = ({ queue: { max }, effective: { queue } }: Model): string =>
  max === null ? `${queue.max_per_slot} a slot, ${queue.max} at most` : String(max);

/** An empty box shows what is in force without it. */
export function boxesOf(boxes: readonly Box[], model: Model): readonly Box[] {
  const { retries, queue, timeouts } = model.effective;
  const own = valuesOf(model);
  const inForce: Values = {
    ...flatOf({ queue, timeouts }),
    retries: String(retries),
    'queue.max': mayWaitOf(model),
  };
  const shown = (name: string): string => (own[name] === '' && inForce[name]) || 'the setting';
  return boxes.map((box) => ({ placeholder: shown(box.name), ...box }));
}

export const linesOf = (text: string): readonly string[] =>
  text.split(/\s*[\n,]\s*/).filter((each) => each !== '');

/** The whole policy, as a PUT takes it: what is left out is the default. */
export function policyOf(values: Values): JsonObject {
  return nested(
    Object.fromEntries(
      Object.entries(values).map(([name, text]) => [
        name,
        LISTS.includes(name) ? listOf(name, text) : valueOf(text, NUMBERS.has(name)),
      ]),
    ),
  );
}

const listOf = (name: string, text: string): readonly string[] | null => {
  const list = name === 'fallbacks' ? text.split('\n').filter((each) => each !== '') : linesOf(text);
  return list.length === 0 ? null : list;
};
