import type { TenantRequests } from '../../registry/live/worker-activity.js';
import { teamOf } from './tenant.js';

/** Teams with a figure of their own, as in `mmm_tokens_total`. */
const MOST_TEAMS = 100;
const OTHER = 'other';

/**
 * How many requests of each team wait: of the teams of which most wait, and of all others together. Those of no team have an empty
 * name. A team that is named like the others is counted with them.
 * @param tenants whose requests run and wait; a name occurs once
 * @returns one entry for each name, all of them above 0
 */
export function waitingByTeam(
  tenants: readonly Pick<TenantRequests, 'name' | 'waiting' | 'waitingBulk'>[],
): ReadonlyMap<string, number> {
  const teams = new Map<string, number>();
  for (const { name, waiting, waitingBulk } of tenants) {
    const team = teamOf(name);
    const count = (teams.get(team) ?? 0) + waiting + waitingBulk;
    if (count > 0) teams.set(team, count);
  }
  if (teams.size <= MOST_TEAMS) return teams;
  const sorted = [...teams].toSorted(([, one], [, other]) => other - one);
  const shown = new Map(sorted.slice(0, MOST_TEAMS));
  for (const [, count] of sorted.slice(MOST_TEAMS)) shown.set(OTHER, (shown.get(OTHER) ?? 0) + count);
  return shown;
}
