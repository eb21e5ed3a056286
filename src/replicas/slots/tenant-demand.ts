import { BULK_FLOOR } from '../../config/balancing-settings.js';
import { fairParts } from './fair-parts.js';
import type { ReplicaDemand } from './split-slots.js';

/** What one tenant needs of a model at one replica. */
export interface TenantDemand {
  /** 1 to 1000; of several tenants together, the sum. */
  readonly weight: number;
  /** Slots that its requests could use, 0 or more; need not be whole. Those that are not bulk, and those that are. */
  readonly live: number;
  readonly bulk: number;
  /** Its requests that run there. */
  readonly running: number;
  readonly runningBulk: number;
}

export type TenantDemands = ReadonlyMap<string, TenantDemand>;

/** The entry of the tenants that have none of their own. No tenant has this name. */
export const OTHERS = 'all others';

/**
 * What each replica is to have of a model's slots so that tenants share them, wherever their requests are: each tenant's fair part
 * goes to the replicas in proportion to what it wants there. Bulk of all tenants shares what the others leave, and its floor.
 * @param replicas replica id → what its tenants want
 */
export function fairDemands(
  slots: number,
  replicas: ReadonlyMap<string, TenantDemands>,
): readonly ReplicaDemand[] {
  const totals = new Map<string, { weight: number; live: number; bulk: number }>();
  for (const tenants of replicas.values())
    for (const [name, { weight, live, bulk }] of tenants) {
      const before = totals.get(name);
      totals.set(name, {
        weight: weightOf(name, weight, before),
        live: (before?.live ?? 0) + live,
        bulk: (before?.bulk ?? 0) + bulk,
      });
    }
  const names = [...totals.keys()];
  const all = [...totals.values()];
  const bulkWanted = all.reduce((sum, { bulk }) => sum + bulk, 0);
  const floor = Math.min(bulkWanted, BULK_FLOOR * slots);
  const live = fairParts(
    slots - floor,
    all.map((its) => ({ slots: its.live, weight: its.weight })),
  );
  const left = slots - live.reduce((sum, part) => sum + part, 0);
  const bulk = fairParts(
    left,
    all.map((its) => ({ slots: its.bulk, weight: its.weight })),
  );
  const shares = new Map(
    names.map((name, at) => [
      name,
      { live: shareOf(live[at] ?? 0, all[at]?.live), bulk: shareOf(bulk[at] ?? 0, all[at]?.bulk) },
    ]),
  );
  return [...replicas].map(([replicaId, tenants]) => {
    let its = 0;
    for (const [name, want] of tenants) {
      const share = shares.get(name);
      its += want.live * (share?.live ?? 0) + want.bulk * (share?.bulk ?? 0);
    }
    return { replicaId, slots: its };
  });
}

/**
 * Of a tenant at one more replica; of the others the sum, as if each replica had other ones. Computed for 1,000 tenants of equal weight at
 * three replicas: no part is more than 7 % of the slots off; as if each had the same, 11 %; each replica's others by themselves, 30 %.
 */
function weightOf(name: string, weight: number, before: { readonly weight: number } | undefined): number {
  return name === OTHERS ? weight + (before?.weight ?? 0) : weight;
}

function shareOf(part: number, wanted = 0): number {
  return wanted === 0 ? 0 : part / wanted;
}

/** The requests of a tenant that run at the other replicas. */
export interface RunningElsewhere {
  readonly weight: number;
  readonly live: number;
  readonly bulk: number;
}

/** How many requests of each tenant run at all these replicas. */
export function runningOf(replicas: Iterable<TenantDemands>): ReadonlyMap<string, RunningElsewhere> {
  const sums = new Map<string, { weight: number; live: number; bulk: number }>();
  for (const tenants of replicas)
    for (const [name, { weight, running, runningBulk }] of tenants) {
      const before = sums.get(name);
      sums.set(name, {
        weight: weightOf(name, weight, before),
        live: (before?.live ?? 0) + running,
        bulk: (before?.bulk ?? 0) + runningBulk,
      });
    }
  return sums;
}
