import type { Values } from '../../../api/edit';
import type { WholeWorker } from '../../../api/shapes';
import type { Box } from '../../../parts/form';
import { type Json, type JsonObject, patchOf, pretty } from '../../../words/json';

export const FIELDS: readonly Box[] = [
  { name: 'name', label: 'Name', placeholder: 'its host' },
  { name: 'owner', label: 'Owner' },
  { name: 'req_url_template', label: 'URL' },
  { name: 'upstream_model', label: 'Upstream model', placeholder: 'as the model' },
  { name: 'response_extract', label: 'Answer path' },
  { name: 'weight', label: 'Weight', placeholder: '1', type: 'number' },
  { name: 'priority', label: 'Priority', placeholder: '0', hint: '0 before 1', type: 'number' },
  {
    name: 'max_concurrency',
    label: 'Max concurrency',
    placeholder: '0',
    hint: '0: no limit',
    type: 'number',
  },
  { name: 'labels', label: 'Labels', placeholder: '{"zone": "a"}', type: 'json' },
  { name: 'body', label: 'Body', type: 'json' },
];

/** Fields whose box holds the text itself; all others hold JSON. */
const TEXTS: readonly string[] = FIELDS.filter(({ type }) => type === undefined).map(({ name }) => name);

/** What an answer shows besides the definition; a PATCH takes all else. */
const SHOWN_ONLY: readonly string[] = (
  'id registered_by_key registered_by_team admin_state admin_state_since admin_state_by health health_reason ' +
  'health_since in_flight ejected_until requests last_error generation created_at updated_at probe power replicas figures'
).split(' ');

/** The definition of a worker as the boxes of the form have it. */
export const readWorker = (worker: WholeWorker): Values =>
  textsOf(Object.fromEntries(Object.entries(worker).filter(([name]) => !SHOWN_ONLY.includes(name))));

export const textsOf = (definition: object): Values =>
  Object.fromEntries(
    Object.entries(definition).map(([name, value]: [string, unknown]) => [name, textOf(name, value)]),
  );

const textOf = (name: string, value: unknown): string =>
  value === null || value === undefined
    ? ''
    : TEXTS.includes(name) && typeof value === 'string'
      ? value
      : pretty(value);

/** An empty box is the default. What should be JSON and is not goes to the service, which says so at the field. */
export function definitionOf(texts: Values): JsonObject {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fieldOf(name, text)]));
}

function fieldOf(name: string, text: string): Json {
  if (text.trim() === '') return null;
  if (TEXTS.includes(name)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** What was touched, as a merge patch. */
export const touchedOf = (touched: Values, base: Values): JsonObject =>
  patchOf(definitionOf(base), definitionOf({ ...base, ...touched }));
