import type { Schemas } from '../../api/client';
import { type Json, type JsonObject, readObject } from '../../words/json';
import { FIELDS } from '../workers/drawer/fields';

export type Preset = Schemas['PresetDto'];

/** What the boxes hold, by the names of the fields. */
export type Boxes = Readonly<Record<string, string>>;

export interface Box {
  readonly name: string;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly placeholder?: string | undefined;
  readonly kind?: 'json' | 'secret' | 'number' | undefined;
}

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
  { name: 'body', label: 'Body', kind: 'json', hint: `Whatever the server wants. ${PLACEHOLDERS}` },
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
    kind: 'json',
    hint: 'Stored sealed. ${secret:NAME} stands for a secret of the service.',
  },
];
export const LIMITS: readonly Box[] = FIELDS.filter(({ name }) =>
  ['weight', 'priority', 'max_concurrency', 'labels'].includes(name),
).map(({ name, label, hint, placeholder }) => ({
  name,
  label,
  hint,
  placeholder,
  kind: name === 'labels' ? 'json' : 'number',
}));

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
    kind: field.name === 'api_key' ? 'secret' : undefined,
  }));
  return [...own, owner, name];
}

/** The registration that the boxes say, and the faults that the page can see itself. */
export function registrationOf(
  preset: string,
  boxes: readonly Box[],
  texts: Boxes,
): { readonly worker: JsonObject; readonly faults: Boxes } {
  const faults: Record<string, string> = {};
  const worker: Record<string, Json> = preset === '' ? {} : { preset };
  for (const { name, kind } of boxes) {
    const text = texts[name]?.trim() ?? '';
    if (text === '') continue;
    const value = kind === 'json' ? readObject(text) : kind === 'number' ? Number(text) : text;
    if (kind === 'json' && typeof value === 'string') faults[name] = value;
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
