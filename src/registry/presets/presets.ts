import type { InputFault } from '../../input/input-errors.js';
import { isJsonObject, type JsonValue } from '../../input/json.js';
import { OPENAI_PRESETS, OTHER_API_PRESETS } from './api-presets.js';
import { LONG_WORK_CLOUDS } from './long-work-clouds.js';
import { COMFYUI_PRESETS } from './long-work-comfyui.js';
import { MODEL_HOST_PRESETS } from './long-work-hosts.js';
import { LONG_WORK_IMAGES } from './long-work-images.js';
import { KLING_AND_MINIMAX_PRESETS } from './long-work-kling-minimax.js';
import { LONG_WORK_VIDEOS } from './long-work-videos.js';
import type { Preset } from './preset.js';
import { MEDIA_PRESETS, TEXT_PRESETS } from './template-presets.js';

/** Systems that take a submit and are polled until the result is there. */
export const LONG_WORK_PRESETS: Readonly<Record<string, Preset>> = {
  ...LONG_WORK_IMAGES,
  ...COMFYUI_PRESETS,
  ...MODEL_HOST_PRESETS,
  ...LONG_WORK_VIDEOS,
  ...LONG_WORK_CLOUDS,
  ...KLING_AND_MINIMAX_PRESETS,
};

/** By the name that a registration gives as `preset`. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  ...OPENAI_PRESETS,
  ...OTHER_API_PRESETS,
  ...TEXT_PRESETS,
  ...MEDIA_PRESETS,
  ...LONG_WORK_PRESETS,
};

/** A registration as a client sends it; its fields are checked after the preset is applied. */
type SentRegistration = Readonly<Record<string, unknown>>;

interface Expanded {
  readonly registration: SentRegistration;
  /** Faults of `preset`, `base_url`, `api_key` or `upstream_model`; with one, `registration` lacks what the preset would have added. */
  readonly faults: readonly InputFault[];
}

/** Fields whose members a registration overrides one by one; any other field replaces the preset's. */
const MERGED = ['header', 'body', 'defaults', 'choices', 'timeouts', 'health_check', 'poll', 'profile'];

/** No placeholder of a request: it would send a prompt where the key belongs. */
const KEY = /^(?:[^{}\p{Cc}]|\$\{secret:[^{}]+\})+$/u;
const API_KEY = '{API_KEY}';
const BASE_URL = '{BASE_URL}';

/** The registration with its preset applied, if it names one. Fields that the client sent override the preset's. */
export function expandPreset(sent: SentRegistration): Expanded {
  if (!Object.hasOwn(sent, 'preset')) return { registration: sent, faults: [] };
  const { preset: name, base_url: sentUrl, api_key: apiKey, ...own } = sent;
  const preset = typeof name === 'string' && Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (preset === undefined) {
    const problem = `must be one of ${Object.keys(PRESETS).join(', ')}`;
    return { registration: own, faults: [{ field: 'preset', problem }] };
  }
  const baseUrl = sentUrl === undefined ? preset.baseUrl : sentUrl;
  const hasUrl = Object.hasOwn(own, 'req_url_template') && preset.defaults.poll === undefined;
  const needsBaseUrl = !hasUrl || baseUrl !== undefined;
  const faults = [
    ...(needsBaseUrl ? baseUrlFaults(preset, baseUrl) : []),
    ...apiKeyFaults(preset, apiKey, own),
    ...modelFaults(preset, own),
  ];
  if (faults.length > 0) return { registration: own, faults };
  const { req_url_template: url, header, poll, health_check: check, ...defaults } = preset.defaults;
  const headers = withKey(header ?? {}, apiKey as string | undefined);
  const place = baseUrl === undefined ? undefined : placeOf(url, baseUrl as string);
  const base = {
    ...defaults,
    protocol: preset.protocol,
    ...(preset.protocol === 'template' ? {} : { profile: { vendor: name as string } }),
    ...(place === undefined ? {} : { req_url_template: urlAt(place, url) }),
    ...(Object.keys(headers).length === 0 ? {} : { header: headers }),
    ...(check === undefined ? {} : { health_check: withPaths(place, check) }),
    ...(place === undefined || poll === undefined
      ? {}
      : { poll: withPlaces(poll, (template) => urlAt(place, template)) }),
  };
  return { registration: merged(base, own), faults: [] };
}

function baseUrlFaults({ example }: Preset, baseUrl: unknown): readonly InputFault[] {
  const field = 'base_url';
  const such = `such as ${example.base_url ?? 'https://api.example.com/v1'}`;
  if (baseUrl === undefined)
    return [{ field, problem: `must be the URL of the server, ${such}; it is missing` }];
  const isBase =
    typeof baseUrl === 'string' && /^https?:\/\/[^{}#\s]+$/i.test(baseUrl) && URL.canParse(baseUrl);
  return isBase ? [] : [{ field, problem: `must be an http or https URL without placeholders, ${such}` }];
}

function apiKeyFaults(preset: Preset, apiKey: unknown, own: SentRegistration): readonly InputFault[] {
  const field = 'api_key';
  if (apiKey === undefined) {
    // The client's own headers may hold the key.
    if (preset.apiKey !== 'required' || isJsonObject(own['header'])) return [];
    return [{ field, problem: 'must be the key, or ${secret:NAME} to read it at each call; it is missing' }];
  }
  if (preset.apiKey === 'none') {
    return [
      {
        field,
        problem: 'is not used by this server; leave it out, or send a header if a proxy in front needs one',
      },
    ];
  }
  if (typeof apiKey === 'string' && KEY.test(apiKey)) return [];
  return [
    { field, problem: 'must be the key as text, or ${secret:NAME}; other placeholders are not accepted' },
  ];
}

/** Systems with models of many owners call them owner/name. */
export function namesOwners({ defaults }: Preset): boolean {
  return defaults.req_url_template.includes('{+MODEL_NAME}');
}

function modelFaults(preset: Preset, own: SentRegistration): readonly InputFault[] {
  const name = own['upstream_model'] ?? own['model_name'];
  if (!namesOwners(preset) || typeof name !== 'string' || name.includes('/')) return [];
  const problem = `must be the model's name at ${preset.title}, such as ${preset.example.upstream_model}`;
  return [{ field: 'upstream_model', problem }];
}

function withKey(
  header: Readonly<Record<string, string>>,
  apiKey: string | undefined,
): Readonly<Record<string, string>> {
  const entries = Object.entries(header).filter(
    ([, value]) => apiKey !== undefined || !value.includes(API_KEY),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, value.split(API_KEY).join(apiKey)]));
}

/** What {BASE_URL} stands for, and a query that follows each URL. */
interface Place {
  readonly root: string;
  readonly query: string;
}

/** A base URL may already end with the path that the preset appends, or with a part of it. */
function placeOf(template: string, baseUrl: string): Place {
  const start = baseUrl.indexOf('?');
  const [path, query] = start === -1 ? [baseUrl, ''] : [baseUrl.slice(0, start), baseUrl.slice(start)];
  const base = path.replace(/\/+$/, '');
  const root = base.slice(0, base.length - overlap(base, template.slice(BASE_URL.length)));
  return { root, query };
}

function urlAt({ root, query }: Place, template: string): string {
  const suffix = template.slice(BASE_URL.length);
  return root + suffix + (suffix.includes('?') ? query.replace('?', '&') : query);
}

/** The same with each text that begins with {BASE_URL} replaced. */
function withPlaces(value: JsonValue, placed: (template: string) => string): JsonValue {
  if (typeof value === 'string') return value.startsWith(BASE_URL) ? placed(value) : value;
  if (Array.isArray(value)) return value.map((each) => withPlaces(each as JsonValue, placed));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withPlaces(each, placed)]));
}

/** A check whose paths are below the base URL, at the worker's origin. Without its query, which may hold a secret. */
function withPaths(place: Place | undefined, check: JsonValue): JsonValue {
  // The client's own URL: what is below it is not known.
  if (place === undefined) return JSON.stringify(check).includes(BASE_URL) ? {} : check;
  const root = new URL(place.root).pathname.replace(/\/$/, '');
  return withPlaces(check, (template) => root + template.slice(BASE_URL.length));
}

/** How many characters of the suffix the base already ends with, in whole segments. */
function overlap(base: string, suffix: string): number {
  for (let end = suffix.length; end > 0; end = suffix.lastIndexOf('/', end - 1))
    if (base.endsWith(suffix.slice(0, end))) return end;
  return 0;
}

function merged(defaults: Readonly<Record<string, JsonValue>>, sent: SentRegistration): SentRegistration {
  const all: Record<string, unknown> = { ...defaults, ...sent };
  for (const field of MERGED) {
    const [own, over] = [defaults[field], sent[field]];
    if (!isJsonObject(own) || !isJsonObject(over)) continue;
    // Header names are case-insensitive.
    const isSame =
      field === 'header' ? (a: string, b: string) => a.toLowerCase() === b.toLowerCase() : Object.is;
    const kept = Object.entries(own).filter(
      ([name]) => !Object.keys(over).some((other) => isSame(name, other)),
    );
    all[field] = { ...Object.fromEntries(kept), ...over };
  }
  return all;
}
