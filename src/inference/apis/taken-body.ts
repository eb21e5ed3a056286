import type { Profile } from '../../registry/profiles/profile.dto.js';
import { withTakenCallIds } from '../adapt/passed-call-ids.js';
import { withPassedTurnOrder } from '../adapt/turn-order.js';
import type { RawBody } from '../client/inference-request.js';
import { lowerCase, withoutFields } from '../passthrough/json-scanner.js';
import { withoutMessageFields } from '../passthrough/message-fields.js';
import {
  withoutEmptyTools,
  withPassedLimit,
  withPassedRoles,
  withPassedSampling,
  withPassedSchema,
} from '../passthrough/passed-options.js';
import { withReasoningBack } from '../passthrough/reasoning-back.js';
import { withoutUnsignedThinking } from '../passthrough/unsigned-thinking.js';
import { withoutOwnReasoning } from './responses/kept-thinking.js';

const RESPONSE_FORMAT: ReadonlySet<string> = new Set(['response_format']);

/**
 * The JSON of a request that is passed through, as the worker's server takes it: a client need not know which vendor it reaches.
 * Where nothing has to change it is the client's own bytes.
 */
export function takenBody(
  bytes: Buffer,
  { dialect, path }: Pick<RawBody, 'dialect' | 'path'>,
  profile: Profile,
): Buffer {
  const { rejects, sampling, thinking_config: kind } = profile;
  const isRefused = rejects.some((name) => bytes.includes(`"${name}"`));
  const body = isRefused ? withoutFields(bytes, lowerCase(rejects)) : bytes;
  if (dialect === 'anthropic') return withoutUnsignedThinking(withPassedSampling(body, sampling), kind);
  if (path === '/chat/completions') return takenChat(withPassedSampling(body, sampling), profile);
  if (path === '/images/generations' && profile.image_format !== 'any')
    return withoutFields(body, RESPONSE_FORMAT);
  return path === '/responses' ? withoutOwnReasoning(withPassedSampling(body, sampling)) : body;
}

/** Also without what its server refuses in the turns of other vendors' models. */
function takenChat(body: Buffer, profile: Profile): Buffer {
  const { message_rejects: refused, reasoning_history: history, call_ids: whose } = profile;
  const answering = withPassedSchema(body, profile.answer_schemas);
  const limited = withoutEmptyTools(withPassedLimit(answering, profile.token_limit));
  const known = refused.length > 0 ? withoutMessageFields(limited, refused) : limited;
  const ordered = withPassedTurnOrder(known, profile);
  const roles = withPassedRoles(ordered, profile.developer_role);
  const reasoned = history === 'none' ? roles : withReasoningBack(roles, history);
  return whose === 'any' ? reasoned : withTakenCallIds(reasoned, whose);
}
