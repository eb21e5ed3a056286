import type { IncomingHttpHeaders } from 'node:http';
import { InvalidInputError } from '../input/input-errors.js';
import { ForbiddenError } from './access-errors.js';
import type { Caller } from './caller.js';

/** In a call of a model: the team that the request is for, where its key serves several. */
export const TENANT_HEADER = 'x-mmm-tenant';

/** In `may_act_for`: every team, and names that are no team's. */
const EVERY_TEAM = '*';

/** `*` is every team. */
const TEAM_NAME = /^(?=.*\S)(?!\*$)[^\p{Cc}\p{Cs}]{1,100}$/u;
/** Of teams that a header can name: proxies and Node.js join headers of one name with a comma, and HTTP trims spaces. */
const TENANT = '(?!\\s)[^,*\\uFFFD\\p{Cc}\\p{Cs}]{1,100}(?<!\\s)';
const TENANT_NAME = new RegExp(`^${TENANT}$`, 'u');
/** An entry of `may_act_for`. */
export const TENANT_ENTRY = new RegExp(`^(${TENANT}|\\*)$`, 'u');
export const TENANT_NAMES_HOLD =
  '1 to 100 characters without commas, asterisks and control characters, and no space at either end';

/**
 * The team that a request is for, in UTF-8; `null`: the one of its key. Sent twice, it is refused: Node.js joins the two with a comma.
 * @throws InvalidInputError naming the header
 */
export function namedTenant(headers: IncomingHttpHeaders): string | null {
  const sent = headers[TENANT_HEADER];
  if (sent === undefined) return null;
  // Node.js reads each byte of a header as a character.
  const name = Buffer.from(String(sent), 'latin1').toString('utf8');
  if (TENANT_NAME.test(name)) return name;
  throw new InvalidInputError([
    {
      field: TENANT_HEADER,
      problem: `must be the name of one team, sent once and in UTF-8: ${TENANT_NAMES_HOLD}`,
    },
  ]);
}

/** @throws InvalidInputError naming `field` */
export function checkTeamName(field: string, name: string): string {
  if (TEAM_NAME.test(name)) return name;
  throw new InvalidInputError([
    {
      field,
      problem:
        'must be the name of a team: 1 to 100 characters without control characters, not spaces alone, and not *',
    },
  ]);
}

/** A key may always name its own team. @throws ForbiddenError naming what the key may act for */
export function checkActsFor(caller: Pick<Caller, 'team' | 'mayActFor'>, named: string): void {
  const { team, mayActFor } = caller;
  if (named === team || mayActFor?.includes(named) === true || mayActFor?.includes(EVERY_TEAM) === true)
    return;
  throw ForbiddenError.tenant(TENANT_HEADER, named, mayActFor ?? []);
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
