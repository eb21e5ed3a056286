import { isPresent, describeValue } from '../../input/json.js';
import type { InputFault } from '../../input/input-errors.js';
import { OPENAI_PRESETS, OTHER_API_PRESETS } from '../presets/api-presets.js';
import type { ApiProtocol, WorkerProtocol } from '../worker.js';
import type { Profile, WorkerProfileDto } from './profile.dto.js';

/** Without these a request is none, or means something else: an answer without them would be no answer to the client's request. */
const OF_REQUESTS = [
  'model',
  'messages',
  'prompt',
  'input',
  'instructions',
  'system',
  'stream',
  'tools',
  'response_format',
  'text',
  'stop',
  'stop_sequences',
  'previous_response_id',
  'conversation',
];
/** The Messages API requires it. */
const OF_MESSAGES_API = ['max_tokens'];
const OF_MESSAGES = ['role', 'content', 'tool_calls', 'tool_call_id'];

/** Entries that are read for some protocols only, or whose values are each for one of them. */
const READ_FOR: { readonly [Name in keyof Profile]?: readonly ApiProtocol[] } = {
  token_limit: ['openai'],
  responses: ['openai'],
  completions: ['openai'],
  image_format: ['openai'],
  prefill: ['anthropic', 'gemini'],
  user_after_results: ['openai'],
  late_instructions: ['openai'],
  prefill_flag: ['openai'],
  any_of_beside_keys: ['gemini'],
  call_signatures: ['gemini'],
  embedding_batch: ['openai', 'gemini'],
  embedding_method: ['gemini'],
};
const VALUES_FOR: Readonly<Record<string, Readonly<Record<ApiProtocol, readonly string[]>>>> = {
  thinking_config: {
    openai: ['none'],
    anthropic: ['none', 'enabled', 'enabled_or_adaptive', 'adaptive', 'as_sent'],
    gemini: ['none', 'budget', 'budget_above_0', 'level', 'level_from_low'],
  },
  call_ids: {
    openai: ['any', 'mistral', 'openai'],
    anthropic: ['any', 'anthropic'],
    gemini: ['any', 'none'],
  },
};

/** Presets by protocol: whose vendor a worker of that protocol can name. */
export function vendorsOf(protocol: WorkerProtocol): readonly string[] {
  return Object.entries({ ...OPENAI_PRESETS, ...OTHER_API_PRESETS }).flatMap(([name, preset]) =>
    preset.protocol === protocol ? [name] : [],
  );
}

/** Entries that would break each request of a worker, or that nothing reads. Each is well formed for itself. */
export function profileFaults(protocol: ApiProtocol, profile: WorkerProfileDto): readonly InputFault[] {
  const { vendor, rejects, translated_without: refused, message_rejects: ofMessages } = profile;
  const needed = protocol === 'anthropic' ? [...OF_REQUESTS, ...OF_MESSAGES_API] : OF_REQUESTS;
  const vendors = vendorsOf(protocol);
  return [
    ...(isPresent(vendor) && !vendors.includes(vendor)
      ? [
          {
            field: 'profile.vendor',
            problem: `must be one of ${vendors.join(', ')} with protocol "${protocol}"${describeValue(vendor)}`,
          },
        ]
      : []),
    ...neededFaults('rejects', rejects, needed),
    ...neededFaults('translated_without', refused, needed),
    ...neededFaults('message_rejects', ofMessages, OF_MESSAGES),
    ...Object.entries(profile).flatMap(([name, value]) => entryFaults(protocol, name, value)),
  ];
}

function neededFaults(
  name: string,
  list: readonly string[] | undefined,
  needed: readonly string[],
): readonly InputFault[] {
  const found = (list ?? []).filter((each) => needed.includes(each.toLowerCase()));
  if (found.length === 0) return [];
  const problem = `must not hold ${found.join(', ')}: a request without it means something else. It may hold any name but ${needed.join(', ')}`;
  return [{ field: `profile.${name}`, problem }];
}

function entryFaults(protocol: ApiProtocol, name: string, value: unknown): readonly InputFault[] {
  const field = `profile.${name}`;
  const readFor = READ_FOR[name as keyof Profile];
  if (readFor !== undefined && isPresent(value) && !readFor.includes(protocol))
    return [{ field, problem: `is used with protocol ${readFor.join(' or ')} only; leave it out` }];
  const values = Object.hasOwn(VALUES_FOR, name) ? VALUES_FOR[name]?.[protocol] : undefined;
  if (values === undefined || !isPresent(value) || values.includes(value as string)) return [];
  const problem = `must be one of ${values.join(', ')} with protocol "${protocol}"${describeValue(value)}`;
  return [{ field, problem }];
}
