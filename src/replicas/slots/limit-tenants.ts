import { OTHERS, type TenantDemand, type TenantDemands } from './tenant-demand.js';

/**
 * Tenants with an entry of their own in a replica's row. A key that acts for every team may send as many names as it likes: 1,000 of
 * them make a row of 80 kB, which every other replica reads each second while the model is locked; 200 make 17 kB.
 */
export const MOST_TENANTS = 200;

/**
 * What a replica writes of its tenants: each of them up to the limit, then the rest as one. Those that run go first, because what
 * runs counts at the other replicas, too; then the heaviest, and those that want most. The entry of the rest has the weight of all of them.
 */
export function limitTenants(all: TenantDemands): TenantDemands {
  if (all.size <= MOST_TENANTS) return all;
  const ordered = [...all].toSorted(([oneName, one], [otherName, other]) => {
    const byRunning = Number(doesRun(other)) - Number(doesRun(one));
    return (
      byRunning || other.weight - one.weight || wanted(other) - wanted(one) || (oneName < otherName ? -1 : 1)
    );
  });
  const rest = ordered.slice(MOST_TENANTS).map(([, its]) => its);
  return new Map([
    ...ordered.slice(0, MOST_TENANTS),
    [OTHERS, rest.reduce((sum, its) => together(sum, its))],
  ]);
}

function together(one: TenantDemand, other: TenantDemand): TenantDemand {
  return {
    weight: one.weight + other.weight,
    live: one.live + other.live,
    bulk: one.bulk + other.bulk,
    running: one.running + other.running,
    runningBulk: one.runningBulk + other.runningBulk,
  };
}

function doesRun({ running, runningBulk }: TenantDemand): boolean {
  return running + runningBulk > 0;
}

function wanted({ live, bulk }: TenantDemand): number {
  return live + bulk;
}
