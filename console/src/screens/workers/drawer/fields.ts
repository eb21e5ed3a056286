import type { WholeWorker } from '../../../api/shapes';
import { type Json, type JsonObject, pretty } from '../../../words/json';

/** One field of the form: how its value stands in a box, and what the text of the box means. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly isLong?: boolean;
  readonly write: (value: Json) => string;
  readonly read: (text: string) => Json;
}

/** An empty box is the default: null in a merge patch. */
const written = (value: Json): string =>
  value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
const TEXT = { write: written, read: (text: string): Json => (text === '' ? null : text) };
const NUMBER = {
  write: written,
  read: (text: string): Json =>
    text.trim() === '' || Number.isNaN(Number(text)) ? text || null : Number(text),
};
const JSON_TEXT = {
  isLong: true,
  write: (value: Json): string => (value === null ? '' : pretty(value)),
  read(text: string): Json {
    if (text.trim() === '') return null;
    try {
      return JSON.parse(text) as Json;
    } catch {
      // The service says what is wrong with it, at the field.
      return text;
    }
  },
};

export const FIELDS: readonly FormField[] = [
  { name: 'name', label: 'Name', placeholder: 'its host', ...TEXT },
  { name: 'owner', label: 'Owner', ...TEXT },
  { name: 'req_url_template', label: 'URL', ...TEXT },
  { name: 'upstream_model', label: 'Upstream model', placeholder: 'as the model', ...TEXT },
  { name: 'response_extract', label: 'Answer path', ...TEXT },
  { name: 'weight', label: 'Weight', placeholder: '1', ...NUMBER },
  { name: 'priority', label: 'Priority', placeholder: '0', hint: '0 before 1', ...NUMBER },
  { name: 'max_concurrency', label: 'Max concurrency', placeholder: '0', hint: '0: no limit', ...NUMBER },
  { name: 'labels', label: 'Labels', placeholder: '{"zone": "a"}', ...JSON_TEXT },
  { name: 'body', label: 'Body', ...JSON_TEXT },
];

/** What an answer shows besides the definition; a PATCH takes all else. */
const SHOWN_ONLY: ReadonlySet<string> = new Set(
  (
    'id registered_by_key registered_by_team admin_state admin_state_since admin_state_by health health_reason ' +
    'health_since in_flight ejected_until requests last_error generation created_at updated_at probe replicas figures'
  ).split(' '),
);

export function definitionOf(worker: WholeWorker): JsonObject {
  return Object.fromEntries(Object.entries(worker).filter(([name]) => !SHOWN_ONLY.has(name))) as JsonObject;
}
