import { type InputFault, InvalidInputError } from '../../../input/input-errors.js';
import type { SecretLookup } from '../../../template/placeholders.js';
import type { UpstreamTimeouts } from '../../../upstream/timeouts.js';
import type { PollCall } from '../../poll.js';
import type { CallDefinition, CallParts } from '../call-parts.js';
import { compilePoll } from './compile-poll.js';

interface CompiledPoll {
  /** `null`: the definition has none, or a faulty one. */
  readonly poll: PollCall | null;
  readonly faults: readonly InputFault[];
}

/** `poll` of a definition, and what may not stand beside it. */
export function pollOf(
  definition: CallDefinition,
  { url, body, headers, succeeded }: Pick<CallParts, 'url' | 'body' | 'headers' | 'succeeded'>,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  timeouts: UpstreamTimeouts,
): CompiledPoll {
  if (definition.poll === null) return { poll: null, faults: [] };
  const faults = besides(definition);
  // Without them its own faults would be noise.
  if (url === null || headers === null) return { poll: null, faults };
  const placeholders = new Set([url, body, headers].flatMap((part) => [...(part?.placeholders ?? [])]));
  try {
    const context = { origin: url.origin, header, placeholders, succeeded, secrets, timeouts };
    return { poll: compilePoll(definition.poll, context), faults };
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return { poll: null, faults: [...faults, ...error.details] };
  }
}

function besides(definition: CallDefinition): readonly InputFault[] {
  const { response_extract, is_stream, stream_extract, usage_extract, health_check } = definition;
  const faults: InputFault[] = [];
  if (response_extract !== '')
    faults.push({
      field: 'response_extract',
      problem: 'is not used beside poll: write it as poll.result.extract',
    });
  for (const [field, isSet] of Object.entries({
    is_stream,
    stream_extract: stream_extract !== null,
    usage_extract: usage_extract !== null,
  }))
    if (isSet) faults.push({ field, problem: 'is not used beside poll: leave it out' });
  if (health_check?.kind === 'inference')
    faults.push({
      field: 'health_check.kind',
      problem: 'must be http, tcp or none beside poll: a probe would submit a task, which may cost money',
    });
  return faults;
}
