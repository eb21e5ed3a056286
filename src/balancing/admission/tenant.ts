import { OTHERS } from '../../replicas/slots/tenant-demand.js';

/** Who shares the slots of a model: a team, or a key or a user that is in no team. */
export interface Tenant {
  /** One name for one account: a team's own, or one that no team has. */
  readonly name: string;
  /** Its part of the slots beside the others', from 1 to 1000. */
  readonly weight: number;
}

/** Of requests without a key, and with ADMIN_API_KEY. */
export const NO_TENANT: Tenant = { name: '', weight: 1 };

/** Before the names of keys and users, and before those of teams that begin like one of these or have the name of the others. */
const KEY = 'key ';
const USER = 'user ';
const TEAM = 'team: ';

interface Sharer {
  readonly team: string | null;
  /** The team that the request is for instead; `null`: none. */
  readonly actsFor: string | null;
  readonly keyId: string | null;
  readonly name: string;
  /** Its name is that of a user, and not of a key. */
  readonly isUser: boolean;
}

/** @param weight of the team that it is for */
export function tenantOf({ team: own, actsFor, keyId, name, isUser }: Sharer, weight: number): Tenant {
  const team = actsFor ?? own;
  if (team !== null) return { name: nameOfTeam(team), weight };
  return keyId === null ? NO_TENANT : { name: `${isUser ? USER : KEY}${name}`, weight: 1 };
}

/** The team of a tenant by its name; '' for what is in no team. */
export function teamOf(tenantName: string): string {
  if (tenantName.startsWith(TEAM)) return tenantName.slice(TEAM.length);
  return tenantName.startsWith(KEY) || tenantName.startsWith(USER) ? '' : tenantName;
}

function nameOfTeam(team: string): string {
  const isTaken = team === OTHERS || [KEY, USER, TEAM].some((prefix) => team.startsWith(prefix));
  return isTaken ? `${TEAM}${team}` : team;
}
