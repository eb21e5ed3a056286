import type { ApiProtocol } from '../worker.js';
import type { Profile, ProfileEntryDto, WorkerProfileDto } from './profile.dto.js';
import { ANTHROPIC_RULES } from './claude-rules.js';
import { GEMINI_RULES, VERTEX_RULES } from './google-rules.js';
import { OPENAI_RULES, OPENAI_VENDOR_RULES } from './openai-rules.js';
import type { Entries, Rule } from './rule.js';

/** What holds for an API wherever it is served. */
export const PROTOCOL_RULES: Readonly<Record<ApiProtocol, readonly Rule[]>> = {
  openai: OPENAI_RULES,
  anthropic: ANTHROPIC_RULES,
  gemini: GEMINI_RULES,
};

/** By the name of the preset. */
export const VENDOR_RULES: Readonly<Record<string, readonly Rule[]>> = {
  vertex: VERTEX_RULES,
  ...OPENAI_VENDOR_RULES,
};

/** Whatever a rule does not name. */
const ANYTHING: Profile = {
  token_limit: null,
  max_output_tokens: null,
  rejects: [],
  message_rejects: [],
  translated_without: [],
  tool_names: 'any',
  property_names: 'any',
  call_ids: 'any',
  strict_schemas: 'any',
  answer_schemas: 'any',
  tools_with_schema: true,
  calls_need_tools: false,
  sampling: 'all',
  stop: 'any',
  most_stops: 1000,
  user_ids: 'any',
  reasoning_history: 'none',
  developer_role: true,
  user_after_results: true,
  late_instructions: true,
  prefill_flag: false,
  prefill: true,
  any_of_beside_keys: true,
  thinking_config: 'none',
  call_signatures: false,
  embedding_batch: 2048,
  embedding_method: 'batchEmbedContents',
  image_format: 'any',
  responses: null,
  completions: false,
};

/**
 * Rules of the protocol, then of the vendor, each for all models or for the family that the model's name belongs to; then
 * the registration's own entries. The later one counts.
 * @param model the upstream's name of it
 * @param likely the vendor where the registration names none
 */
export function profileOf(
  protocol: ApiProtocol,
  model: string,
  own: WorkerProfileDto | null,
  likely?: string,
): Profile {
  const { vendor, ...entries } = own ?? {};
  const rules = [...PROTOCOL_RULES[protocol], ...vendorRules(vendor ?? likely)];
  return Object.assign({}, ANYTHING, ...matching(rules, model).map(valuesOf), given(entries)) as Profile;
}

/** Without the entries that are left out as null, which most entries cannot be. */
function given(entries: Omit<WorkerProfileDto, 'vendor'>): Partial<Profile> {
  return Object.fromEntries(
    Object.entries(entries).filter(
      ([name, value]) => value !== null || ANYTHING[name as keyof Profile] === null,
    ),
  );
}

/** The rules that apply to a model, in their order. */
function matching(rules: readonly Rule[], model: string): readonly Rule[] {
  return rules.filter(({ models }) => models === undefined || models.test(model));
}

function vendorRules(vendor: string | undefined): readonly Rule[] {
  return vendor !== undefined && Object.hasOwn(VENDOR_RULES, vendor) ? (VENDOR_RULES[vendor] ?? []) : [];
}

function valuesOf({ entries }: Rule): Partial<Profile> {
  return Object.fromEntries(Object.entries(entries as Entries).map(([name, entry]) => [name, entry.value]));
}

/** The entries with the documents they come from, for GET /api/v1/presets. */
export function citedEntries(protocol: ApiProtocol, vendor: string): ProfileEntryDto[] {
  return [...PROTOCOL_RULES[protocol], ...vendorRules(vendor)].flatMap(({ models, entries }) =>
    Object.entries(entries as Entries).map(([entry, { value, source }]) => ({
      entry,
      value: value as ProfileEntryDto['value'],
      source,
      ...(models === undefined ? {} : { models: models.source }),
    })),
  );
}
