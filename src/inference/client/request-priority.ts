import type { IncomingHttpHeaders } from 'node:http';
import { PRIORITIES, type Priority, rankOf } from '../../config/balancing-settings.js';
import { InvalidInputError } from '../../input/input-errors.js';

/** In a request: the class that the client wants. In an answer: the class that held. */
export const PRIORITY_HEADER = 'x-mmm-priority';

/** What says the class of a request; `null` and `undefined`: it says nothing. */
export interface PrioritySources {
  /** The request header. */
  readonly header: Priority | null;
  /** `service_tier` of the body. */
  readonly serviceTier: unknown;
  readonly key: Priority | null;
  readonly model: Priority | null;
  /** The highest that the team may have. */
  readonly highest: Priority;
}

/** The first that is given, else `default`; never above the highest. */
export function classOf({ header, serviceTier, key, model, highest }: PrioritySources): Priority {
  const wanted = header ?? ofServiceTier(serviceTier) ?? key ?? model ?? 'default';
  return rankOf(wanted) < rankOf(highest) ? highest : wanted;
}

/**
 * OpenAI's and Groq's words. `auto` leaves the choice to the account, here to key and model; every other value is ordinary work:
 * https://platform.openai.com/docs/api-reference/chat/create, https://console.groq.com/docs/service-tiers
 */
function ofServiceTier(tier: unknown): Priority | null {
  if (tier === undefined || tier === null || tier === 'auto') return null;
  if (tier === 'priority') return 'interactive';
  return tier === 'flex' ? 'bulk' : 'default';
}

/** `null`: the client says nothing. @throws InvalidInputError naming the header */
export function priorityHeaderOf(headers: IncomingHttpHeaders): Priority | null {
  const given = headers[PRIORITY_HEADER];
  if (given === undefined) return null;
  const known = PRIORITIES.find((priority) => priority === given);
  if (known !== undefined) return known;
  const problem = `must be one of ${PRIORITIES.join(', ')}`;
  throw new InvalidInputError([{ field: PRIORITY_HEADER, problem }]);
}
