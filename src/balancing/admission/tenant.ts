/** Who shares the slots of a model: a team, or a key that is in no team. */
export interface Tenant {
  readonly name: string;
  /** Its part of the slots beside the others', from 1 to 1000. */
  readonly weight: number;
}

/** Of requests without a key. */
export const NO_TENANT: Tenant = { name: '', weight: 1 };

const OF_KEY = 'key ';

/** @param weight of the caller's team */
export function tenantOf(
  {
    team,
    keyId,
    name,
  }: { readonly team: string | null; readonly keyId: string | null; readonly name: string },
  weight: number,
): Tenant {
  if (team !== null) return { name: team, weight };
  return keyId === null ? NO_TENANT : { name: `${OF_KEY}${name}`, weight: 1 };
}

/** The team of a tenant by its name; '' for a key that is in no team. */
export function teamOf(tenantName: string): string {
  return tenantName.startsWith(OF_KEY) ? '' : tenantName;
}
