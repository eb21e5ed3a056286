import { MEDIA_PRESETS } from './template-presets.js';
import { OPENAI_PRESETS } from './api-presets.js';
import { OTHER_API_PRESETS } from './api-presets.js';
import type { Preset } from './preset.js';
import { TEXT_PRESETS } from './template-presets.js';
import { InvalidInputError, type InputFault } from '../../input/input-errors.js';
import { isJsonObject } from '../../input/json.js';
import type { JsonValue } from '../../template/json-value.js';

/** By the name a registration gives as `preset`. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  ...OPENAI_PRESETS,
  ...OTHER_API_PRESETS,
  ...TEXT_PRESETS,
  ...MEDIA_PRESETS,
};

export function presetOf(name: unknown): Preset | undefined {
  return typeof name === 'string' && Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
}

/** A registration as it may be sent: what it holds is checked later, by who reads registrations. */
export type SentRegistration = Readonly<Record<string, unknown>>;

/** Objects of which single members may be said anew; of all other fields the given one stands alone. */
const MERGED = ['header', 'body', 'defaults', 'timeouts', 'health_check'];

/** No placeholder: it would send the caller's words where only a key belongs. */
const KEY = /^(?:[^{}\p{Cc}]|\$\{secret:[^{}]+\})+$/u;
const API_KEY = '{API_KEY}';

/**
 * What was sent, with its preset applied if it names one.
 * @throws InvalidInputError naming `preset`, `base_url` or `api_key`
 */
export function expandPreset(sent: SentRegistration): SentRegistration {
  if (!Object.hasOwn(sent, 'preset')) return sent;
  const preset = presetOf(sent['preset']);
  if (preset !== undefined) return applyPreset(preset, sent);
  const problem = `must be one of ${Object.keys(PRESETS).join(', ')}`;
  throw new InvalidInputError([{ field: 'preset', problem }]);
}

/** The registration that a preset and a person's few words make: what is given wins. @throws InvalidInputError */
export function applyPreset(preset: Preset, sent: SentRegistration): SentRegistration {
  const { preset: _name, base_url: baseUrl = preset.baseUrl, api_key: apiKey, ...given } = sent;
  const faults: readonly InputFault[] = [
    ...(Object.hasOwn(given, 'req_url_template') && baseUrl === undefined
      ? []
      : baseUrlFaults(preset, baseUrl)),
    ...apiKeyFaults(preset, apiKey, given),
  ];
  if (faults.length > 0) throw new InvalidInputError(faults);
  const { req_url_template: url, header, ...defaults } = preset.defaults;
  const headers = withKey(header ?? {}, apiKey as string | undefined);
  return merged(
    {
      ...defaults,
      protocol: preset.protocol,
      ...(baseUrl === undefined ? {} : { req_url_template: urlOf(url, baseUrl as string) }),
      ...(Object.keys(headers).length === 0 ? {} : { header: headers }),
    },
    given,
  );
}

function baseUrlFaults({ example }: Preset, baseUrl: unknown): readonly InputFault[] {
  const field = 'base_url';
  const such = `such as ${example.base_url ?? 'https://api.example.com/v1'}`;
  if (baseUrl === undefined) return [{ field, problem: `is missing: where the server is, ${such}` }];
  const isBase =
    typeof baseUrl === 'string' && /^https?:\/\/[^{}#\s]+$/i.test(baseUrl) && URL.canParse(baseUrl);
  return isBase ? [] : [{ field, problem: `must be an http or https URL without placeholders, ${such}` }];
}

function apiKeyFaults(preset: Preset, apiKey: unknown, given: SentRegistration): readonly InputFault[] {
  const field = 'api_key';
  if (apiKey === undefined) {
    // Who brings headers may bring the key in them.
    if (preset.apiKey !== 'required' || isJsonObject(given['header'])) return [];
    return [{ field, problem: 'is missing: the key, or ${secret:NAME} to read it when it is needed' }];
  }
  if (preset.apiKey === 'none') {
    return [{ field, problem: 'is not asked for by this server; what stands before it may want a header' }];
  }
  if (typeof apiKey === 'string' && KEY.test(apiKey)) return [];
  return [
    { field, problem: 'must be the key as text, or ${secret:NAME}; no other placeholder may stand in it' },
  ];
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

/** People write the base with what comes behind it, with a part of it, and without. */
function urlOf(template: string, baseUrl: string): string {
  const suffix = template.slice('{BASE_URL}'.length);
  const query = baseUrl.indexOf('?');
  const [path, rest] = query === -1 ? [baseUrl, ''] : [baseUrl.slice(0, query), baseUrl.slice(query)];
  const base = path.replace(/\/+$/, '');
  return base + suffix.slice(writtenAlready(base, suffix)) + rest;
}

/** How much of the suffix the base ends with, in whole segments. */
function writtenAlready(base: string, suffix: string): number {
  for (let end = suffix.length; end > 0; end = suffix.lastIndexOf('/', end - 1))
    if (base.endsWith(suffix.slice(0, end))) return end;
  return 0;
}

function merged(defaults: Readonly<Record<string, JsonValue>>, given: SentRegistration): SentRegistration {
  const all: Record<string, unknown> = { ...defaults, ...given };
  for (const field of MERGED) {
    const [own, over] = [defaults[field], given[field]];
    if (!isJsonObject(own) || !isJsonObject(over)) continue;
    // Headers are the same in any case.
    const isSame =
      field === 'header' ? (a: string, b: string) => a.toLowerCase() === b.toLowerCase() : Object.is;
    const kept = Object.entries(own).filter(
      ([name]) => !Object.keys(over).some((other) => isSame(name, other)),
    );
    all[field] = { ...Object.fromEntries(kept), ...over };
  }
  return all;
}
