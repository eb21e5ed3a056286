import type { JsonValue } from '../../template/json-value.js';

/** How to register a well-known system, as data. */
export interface Preset {
  /** The system, as people call it. */
  readonly title: string;
  readonly kind: 'text' | 'image' | 'video';
  readonly protocol: 'openai' | 'anthropic' | 'gemini' | 'template';
  /** Where its shapes are documented. */
  readonly source: string;
  /** Where it is, if it is one place. */
  readonly baseUrl?: string;
  readonly apiKey: 'required' | 'optional' | 'none';
  /** What api_key holds, where that is not plain. */
  readonly apiKeyHint?: string;
  /** Of a registration. {BASE_URL} begins its URL, {API_KEY} stands in headers, which are left out without a key. */
  readonly defaults: PresetDefaults;
  /** What a person writes, besides the preset's name. */
  readonly example: PresetExample;
}

export interface PresetDefaults {
  readonly req_url_template: `{BASE_URL}${string}`;
  readonly header?: Readonly<Record<string, string>>;
  readonly [field: string]: JsonValue;
}

export interface PresetExample {
  readonly model_name: string;
  readonly base_url?: string;
  readonly api_key?: string;
  readonly upstream_model?: string;
}
