import type { Schemas } from '../../api/client';
import type { Values } from '../../api/edit';
import type { Box } from '../../parts/form';
import { type Json, type JsonObject, readObject } from '../../words/json';
import { FIELDS } from '../workers/drawer/fields';

export type Preset = Schemas['PresetDto'];

const LABELS: Readonly<Record<string, string>> = {
  model_name: 'Model',
  base_url: 'URL',
  api_key: 'API key',
  upstream_model: 'Upstream model',
};
const PLACEHOLDERS = '{USER_PROMPT}, {MODEL_NAME}, {MESSAGES}, {STREAM}, {MODEL_TEMPERATURE} become values.';

const MODEL: Box = {
  name: 'model_name',
  label: 'Model',
  hint: 'What clients request. Workers of one name share its work.',
};
const OWN: readonly Box[] = [
  MODEL,
  { name: 'req_url_template', label: 'URL', placeholder: 'http://10.0.0.7:8000/generate' },
  { name: 'body', label: 'Body', type: 'json', hint: `Whatever the server wants. ${PLACEHOLDERS}` },
  {
    name: 'response_extract',
    label: 'Answer path',
    hint: 'Where the answer stands, such as data.items[0].text',
  },
];
export const CREDENTIALS: readonly Box[] = [
  {
    name: 'header',
    label: 'Headers',
    type: 'json',
    hint: 'Stored sealed. ${secret:NAME} stands for a secret of the service.',
  },
];
export const LIMITS: readonly Box[] = FIELDS.filter(({ name }) =>
  ['weight', 'priority', 'max_concurrency', 'labels'].includes(name),
);

/** The few fields that must be known; a preset has its own. */
export function boxesOf(preset: Preset | undefined): readonly Box[] {
  const owner: Box = { name: 'owner', label: 'Owner' };
  const name: Box = { name: 'name', label: 'Name', placeholder: 'its host' };
  if (preset === undefined) return [...OWN, owner, name];
  const own = preset.fields.map((field): Box => ({
    name: field.name,
    label: LABELS[field.name] ?? field.name,
    hint: field.name === 'model_name' ? MODEL.hint : field.hint,
    placeholder: field.default ?? preset.example[field.name as keyof typeof preset.example],
    type: field.name === 'api_key' ? 'password' : undefined,
  }));
  return [...own, owner, name];
}

/** The registration that the boxes say, and the faults that the page can see itself. */
export function registrationOf(
  preset: string,
  boxes: readonly Box[],
  texts: Values,
): { readonly worker: JsonObject; readonly faults: Values } {
  const faults: Record<string, string> = {};
  const worker: Record<string, Json> = preset === '' ? {} : { preset };
  for (const { name, type } of boxes) {
    const text = texts[name]?.trim() ?? '';
    if (text === '') continue;
    const value = type === 'json' ? readObject(text) : type === 'number' ? Number(text) : text;
    if (type === 'json' && typeof value === 'string') faults[name] = value;
    else worker[name] = value as Json;
  }
  return { worker, faults };
}

/** Servers near by cost nothing to call; hosts without a dot are those of a container network. */
export function isNear(url: string): boolean {
  const [, host = ''] = /^https?:\/\/(\[[^\]]*\]|[^/:?#]*)/.exec(url) ?? [];
  return (
    /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[(::1|f[cd]))/.test(host) ||
    /^[\w-]+$/.test(host)
  );
}

/** The same as a statement; the names of the columns are those of the fields. */
export function sqlOf(worker: JsonObject): string {
  const columns = Object.keys(worker).join(', ');
  const values = Object.values(worker).map((value) =>
    typeof value === 'number' ? value : quoted(typeof value === 'string' ? value : JSON.stringify(value)),
  );
  return `INSERT INTO worker (${columns})\nVALUES (${values.join(', ')});`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
