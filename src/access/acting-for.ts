import type { IncomingHttpHeaders } from 'node:http';
import { InvalidInputError } from '../input/input-errors.js';
import { ForbiddenError } from './access-errors.js';
import type { Caller } from './caller.js';

/** In a call of a model: the team that the request is for, where its key serves several. */
export const TENANT_HEADER = 'x-mmm-tenant';

/** In `may_act_for`: every team, and names that are no team's. */
const EVERY_TEAM = '*';

export const TEAM_NAME = /^(?=.*\S)[^\p{Cc}\p{Cs}]{1,100}$/u;
const ACCEPTED =
  'must be the name of a team: 1 to 100 characters without control characters, and not spaces alone';

/**
 * The team that a request is for, in UTF-8; `null`: the one of its key.
 * @throws InvalidInputError naming the header
 */
export function namedTenant(headers: IncomingHttpHeaders): string | null {
  const sent = headers[TENANT_HEADER];
  if (sent === undefined) return null;
  // Node.js reads each byte of a header as a character.
  const name = Buffer.from(String(sent), 'latin1').toString('utf8');
  if (!name.includes('\uFFFD') && TEAM_NAME.test(name)) return name;
  throw new InvalidInputError([{ field: TENANT_HEADER, problem: ACCEPTED }]);
}

/** @throws InvalidInputError naming `field` */
export function checkTeamName(field: string, name: string): string {
  if (TEAM_NAME.test(name)) return name;
  throw new InvalidInputError([{ field, problem: ACCEPTED }]);
}

/** @throws ForbiddenError naming what the key may act for */
export function checkActsFor({ mayActFor }: Pick<Caller, 'mayActFor'>, team: string): void {
  if (mayActFor?.includes(team) === true || mayActFor?.includes(EVERY_TEAM) === true) return;
  throw ForbiddenError.tenant(TENANT_HEADER, team, mayActFor ?? []);
}

/**
 * The caller as it acts for a team. Usage and limits are the team's, if an admin has named it: in the table `team`, or in
 * `may_act_for` of the key. Any other name only takes turns: the rest stays with the key's own team, so that invented names fill no table.
 * @param isTeam whether the table has it
 */
export function actingFor<Of extends Pick<Caller, 'team' | 'mayActFor'>>(
  caller: Of,
  team: string,
  isTeam: boolean,
): Of & Pick<Caller, 'actsFor'> {
  const isNamed = isTeam || caller.mayActFor?.includes(team) === true;
  return { ...caller, actsFor: team, team: isNamed ? team : caller.team };
}

/** Whose weight, classes and turns hold for a request of the caller; `null`: of no team. */
export function schedulingTeam({ team, actsFor }: Pick<Caller, 'team' | 'actsFor'>): string | null {
  return actsFor ?? team;
}
