import { PRIORITIES, type Priority } from '../../config/balancing-settings.js';
import type { TenantRequests } from '../../registry/live/worker-activity.js';
import { Accounts, type Elsewhere, leadOf } from './accounts.js';
import type { Tenant } from './tenant.js';
import { type Counts, losingSide, type Side } from './turn-rules.js';
import type { QueueEntry } from './waiter.js';

/** The requests of one tenant and class that wait, in the order in which they came. */
export interface Line {
  readonly tenant: Tenant;
  readonly priority: Priority;
  readonly entries: ReadonlySet<QueueEntry>;
}

/** The line that goes next, the rank of its tenant, and by how much it goes before this. */
export interface Turn {
  readonly line: Line;
  readonly rank: number;
  /** By how much it goes before its rank. */
  readonly leadMs: number;
  /** As the lead counts them. */
  readonly slots: number;
}

interface OwnLine extends Line {
  tenant: Tenant;
  entries: Set<QueueEntry>;
}

/** How many requests of a tenant wait on one side, and the line of those that leave first. */
interface Waiting {
  readonly line: Line;
  readonly count: number;
}

const SIDES: readonly Side[] = ['live', 'bulk'];
const CLASSES: Readonly<Record<Side, readonly Priority[]>> = {
  live: ['interactive', 'default'],
  bulk: ['bulk'],
};

/** How many more requests than one wait, for the weight of the tenant. */
function beyondOne({ line, count }: Waiting): number {
  return (count - 1) / line.tenant.weight;
}

function sideOf(priority: Priority): Side {
  return priority === 'bulk' ? 'bulk' : 'live';
}

/** The requests that wait, by class and tenant, and whose turn it is. */
export class WaitingQueues {
  private readonly accounts: Readonly<Record<Side, Accounts>> = {
    live: new Accounts(),
    bulk: new Accounts(),
  };
  private readonly lines: Readonly<Record<Priority, Map<string, OwnLine>>> = {
    interactive: new Map(),
    default: new Map(),
    bulk: new Map(),
  };
  private readonly sizes: Record<Priority, number> = { interactive: 0, default: 0, bulk: 0 };
  private readonly known = new Set<Priority>(['default']);

  get size(): number {
    return this.live + this.bulk;
  }

  /** Those that are not bulk. */
  get live(): number {
    return this.sizes.interactive + this.sizes.default;
  }

  get bulk(): number {
    return this.sizes.bulk;
  }

  /** The counts of `default` and of the classes that have waited. */
  used(): Partial<Counts> {
    return Object.fromEntries(
      PRIORITIES.filter((priority) => this.known.has(priority)).map((priority) => [
        priority,
        this.sizes[priority],
      ]),
    );
  }

  /** @param isFirst it goes before those that wait already */
  add(entry: QueueEntry, isFirst: boolean, nowMs: number): void {
    const { tenant, priority } = entry;
    const side = sideOf(priority);
    if (this[side] === 0) this.accounts[side].queueBegins(nowMs);
    if (!this.isWaiting(tenant, side)) this.accounts[side].joins(tenant, nowMs);
    const line = this.lines[priority].get(tenant.name) ?? { tenant, priority, entries: new Set() };
    this.lines[priority].set(tenant.name, line);
    line.tenant = tenant;
    if (isFirst) line.entries = new Set([entry, ...line.entries]);
    else line.entries.add(entry);
    this.sizes[priority] += 1;
    this.known.add(priority);
  }

  has(entry: QueueEntry): boolean {
    return this.lines[entry.priority].get(entry.tenant.name)?.entries.has(entry) === true;
  }

  /** @returns whether it was there */
  remove(entry: QueueEntry): boolean {
    const { priority, tenant } = entry;
    const line = this.lines[priority].get(tenant.name);
    if (line?.entries.delete(entry) !== true) return false;
    this.sizes[priority] -= 1;
    if (line.entries.size === 0) this.lines[priority].delete(tenant.name);
    const side = sideOf(priority);
    if (!this.isWaiting(tenant, side)) this.accounts[side].leaves(tenant);
    if (this[side] === 0) this.accounts[side].queueEnds();
    return true;
  }

  /** A request of the tenant got a worker. */
  started(tenant: Tenant, priority: Priority, nowMs: number): void {
    this.accounts[sideOf(priority)].started(tenant, nowMs);
  }

  /** A request that had started left its worker. */
  ended(tenant: Tenant, priority: Priority, nowMs: number): void {
    this.accounts[sideOf(priority)].ended(tenant, nowMs);
  }

  /** The requests of tenants that run at other replicas, as they were a moment ago. */
  runElsewhere(elsewhere: Elsewhere, nowMs: number): void {
    for (const side of SIDES) this.accounts[side].runElsewhere(elsewhere, side, nowMs);
  }

  /** Whose requests run and wait here. */
  tenants(): readonly TenantRequests[] {
    const all = new Map<string, TenantRequests>();
    const none = { running: 0, waiting: 0, runningBulk: 0, waitingBulk: 0 };
    const add = (tenant: Tenant, more: Partial<typeof none>): void => {
      all.set(tenant.name, { ...(all.get(tenant.name) ?? none), ...tenant, ...more });
    };
    for (const one of this.accounts.live.running()) add(one.tenant, { running: one.count });
    for (const one of this.accounts.bulk.running()) add(one.tenant, { runningBulk: one.count });
    for (const one of this.waitingOf('live')) add(one.line.tenant, { waiting: one.count });
    for (const one of this.waitingOf('bulk')) add(one.line.tenant, { waitingBulk: one.count });
    return [...all.values()];
  }

  /**
   * The line whose first request goes next: of the tenant that has used least for its weight, interactive before default.
   * @param passed lines of which no request can be served
   * @returns `null`: all lines are passed
   */
  next(side: Side, passed: ReadonlySet<Line>, nowMs: number): Turn | null {
    const { slots } = this.accounts[side];
    const lead = this.leads(side, slots);
    let first: Turn | null = null;
    for (const priority of CLASSES[side])
      for (const line of this.lines[priority].values()) {
        if (passed.has(line)) continue;
        const rank = this.accounts[side].rankOf(line.tenant, nowMs);
        const leadMs = lead(line);
        if (first === null || rank - leadMs < first.rank - first.leadMs)
          first = { line, rank, leadMs, slots };
      }
    return first;
  }

  /** The first request of the line gets a worker. */
  picked(side: Side, { line, rank, slots }: Turn): void {
    const { weight } = line.tenant;
    this.accounts[side].picked(rank, line.priority === 'interactive' ? { weight, slots } : null);
  }

  /**
   * The request that leaves where more wait than there are places. Each tenant has a place; the newest request leaves of the tenant
   * that has most other places for its weight, default before interactive. Where there are fewer places than tenants, the one leaves
   * whose turn would come last. Bulk leaves first, but keeps its part of the places.
   * @param most places in any case
   * @returns `null`: there is a place for all
   */
  loser(places: number, most: number, nowMs: number): QueueEntry | null {
    if (this.size <= places) return null;
    const tenants = this.waitingOf('live').length + this.waitingOf('bulk').length;
    const side = losingSide(this, Math.min(most, Math.max(places, tenants)));
    if (side === null) return null;
    const lead = this.leads(side, this.accounts[side].slots);
    const rankOf = ({ line }: Waiting): number => this.accounts[side].rankOf(line.tenant, nowMs) - lead(line);
    let heaviest: Waiting | null = null;
    for (const one of this.waitingOf(side)) {
      const more =
        heaviest === null ? 1 : beyondOne(one) - beyondOne(heaviest) || rankOf(one) - rankOf(heaviest);
      if (more > 0) heaviest = one;
    }
    return [...(heaviest?.line.entries ?? [])].at(-1) ?? null;
  }

  /** How many go before a request of the tenant and class that comes now, if tenants take turns by their weights; need not be whole. */
  aheadOf(tenant: Tenant, priority: Priority): number {
    if (priority === 'bulk') return this.size;
    const sizeOf = (its: Priority): number => this.lines[its].get(tenant.name)?.entries.size ?? 0;
    const own = sizeOf('interactive') + (priority === 'default' ? sizeOf('default') : 0);
    let weights = 0;
    for (const { line } of this.waitingOf('live'))
      if (line.tenant.name !== tenant.name) weights += line.tenant.weight;
    return (own * (weights + tenant.weight)) / tenant.weight;
  }

  /** When the one that waits longest came; `null`: none waits. */
  oldestMs(): number | null {
    let oldestMs = Infinity;
    for (const priority of PRIORITIES)
      for (const { entries } of this.lines[priority].values())
        for (const { sinceMs } of entries) {
          oldestMs = Math.min(oldestMs, sinceMs);
          break;
        }
    return oldestMs === Infinity ? null : oldestMs;
  }

  private isWaiting({ name }: Tenant, side: Side): boolean {
    return CLASSES[side].some((priority) => this.lines[priority].has(name));
  }

  /** By how much a line's requests go before the rank of its tenant. */
  private leads(side: Side, slots: number): (line: Line) => number {
    if (this.sizes.interactive === 0) return () => 0;
    const weights = this.accounts[side].weights();
    return ({ priority, tenant: { weight } }) =>
      priority === 'interactive' ? leadOf({ weight, slots }, weights) : 0;
  }

  private waitingOf(side: Side): readonly Waiting[] {
    const all = new Map<string, Waiting>();
    // Of a tenant with both, default leaves before interactive.
    for (const priority of CLASSES[side].toReversed())
      for (const line of this.lines[priority].values()) {
        const { name } = line.tenant;
        const known = all.get(name);
        all.set(name, { line: known?.line ?? line, count: line.entries.size + (known?.count ?? 0) });
      }
    return [...all.values()];
  }
}
