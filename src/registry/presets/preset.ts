import type { JsonValue } from '../../input/json.js';
import type { WorkerProtocol } from '../worker.js';

/** How to register a well-known system, as data. */
export interface Preset {
  /** The common name of the system. */
  readonly title: string;
  readonly kind: 'text' | 'image' | 'video';
  readonly protocol: WorkerProtocol;
  /** Where its requests and answers are documented. */
  readonly source: string;
  /** The day on which `source` was read, where its shapes change often. */
  readonly readOn?: `${number}-${number}-${number}`;
  /** What `source` does not say: found in code of others, or guessed. */
  readonly unconfirmed?: readonly string[];
  /** Its address, if it is the same for everyone. */
  readonly baseUrl?: string;
  readonly apiKey: 'required' | 'optional' | 'none';
  /** What api_key must hold, if that is not obvious. */
  readonly apiKeyHint?: string;
  /** Fields of a registration. Its URL begins with {BASE_URL}; headers with {API_KEY} are left out without a key. */
  readonly defaults: PresetDefaults;
  /** The fields of a registration by this preset, besides its name. */
  readonly example: PresetExample;
}

export interface PresetDefaults {
  readonly req_url_template: `{BASE_URL}${string}`;
  readonly header?: Readonly<Record<string, string>>;
  /** Makes each call a job: it is submitted, then polled. Its URLs begin with {BASE_URL} or are kept values. */
  readonly poll?: Readonly<Record<string, JsonValue>>;
  readonly [field: string]: JsonValue;
}

export interface PresetExample {
  readonly model_name: string;
  readonly base_url?: string;
  readonly api_key?: string;
  readonly upstream_model?: string;
}
