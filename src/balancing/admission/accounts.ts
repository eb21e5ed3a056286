import type { Tenant } from './tenant.js';
import type { Side } from './turn-rules.js';

/** The requests of tenants that run at the other replicas. */
export type Elsewhere = ReadonlyMap<string, Readonly<Record<Side | 'weight', number>>>;

interface Account {
  weight: number;
  /** Its requests that run here, and at the other replicas. */
  running: number;
  elsewhere: number;
  isWaiting: boolean;
  /** Slot time ÷ the weight that it had meanwhile, in milliseconds, less what is not held against it. */
  usedMs: number;
  atMs: number;
}

/**
 * A request that runs counts as if it had run this long already: of several slots that become free at once, one tenant would
 * take all otherwise. Simulated: shares are the same with 0, 0.5, 5 and 20 s; with 5 s the chats of a tenant with too much work
 * wait up to twice as long, with 20 s five times.
 */
const BEGUN_MS = 500;

/**
 * How much of a model's slots each tenant has used since requests began to wait, as slot time ÷ weight: the one that used least
 * goes next [start-time fair queueing, with the clock instead of lengths, which are unknown]. While none waits, nothing counts:
 * to use idle slots is held against no tenant, and to leave them idle earns nothing.
 */
export class Accounts {
  private readonly byTenant = new Map<string, Account>();
  private isCounting = false;
  /** Of the tenants that waited when one was last picked. Without a pick since, a tenant that left for a moment keeps its turn. */
  private lowestRank = 0;
  /** By how much it went before its rank, times the weights that shared the slots: the more share them, the less. */
  private aheadForAll = 0;

  started(tenant: Tenant, nowMs: number): void {
    const account = this.of(tenant);
    this.count(account, nowMs);
    account.running += 1;
  }

  ended({ name }: Tenant, nowMs: number): void {
    const account = this.byTenant.get(name);
    if (account === undefined) return;
    this.count(account, nowMs);
    account.running -= 1;
  }

  /** A request begins to wait, and none did before. */
  queueBegins(nowMs: number): void {
    this.isCounting = true;
    this.picked(0, 0);
    for (const [name, account] of this.byTenant) {
      if (account.running === 0) this.byTenant.delete(name);
      account.usedMs = 0;
      account.elsewhere = 0;
      account.atMs = nowMs;
    }
  }

  queueEnds(): void {
    this.isCounting = false;
  }

  /** The tenant begins to wait: it has saved nothing up. */
  joins(tenant: Tenant, nowMs: number): void {
    const account = this.of(tenant);
    account.isWaiting = true;
    const aheadMs = this.aheadForAll === 0 ? 0 : this.aheadForAll / this.weights();
    const missing = this.lowestRank - aheadMs - this.rankOf(tenant, nowMs);
    if (missing > 0) account.usedMs += missing;
  }

  /** None of its requests waits any more. */
  leaves({ name }: Tenant): void {
    const account = this.byTenant.get(name);
    if (account !== undefined) account.isWaiting = false;
  }

  /** What the tenant has used for its weight; of those that wait, the one with the lowest rank goes next. */
  rankOf(tenant: Tenant, nowMs: number): number {
    const account = this.of(tenant);
    this.count(account, nowMs);
    return account.usedMs + (BEGUN_MS * (account.running + account.elsewhere)) / account.weight;
  }

  /** A request of the tenant with this rank goes next: the lowest one, where those of interactive requests are lower by this. */
  picked(rank: number, aheadMs: number): void {
    this.lowestRank = rank;
    this.aheadForAll = aheadMs === 0 ? 0 : aheadMs * this.weights();
  }

  /** Follows what runs at the other replicas: it is used up here, too. Without effect while none waits here. */
  runElsewhere(elsewhere: Elsewhere, side: Side, nowMs: number): void {
    if (!this.isCounting) return;
    for (const [name, { weight }] of elsewhere) this.of({ name, weight });
    for (const [name, account] of this.byTenant) {
      this.count(account, nowMs);
      account.elsewhere = elsewhere.get(name)?.[side] ?? 0;
    }
  }

  /** The tenants with requests that run here. */
  running(): readonly { readonly tenant: Tenant; readonly count: number }[] {
    return [...this.byTenant]
      .filter(([, { running }]) => running > 0)
      .map(([name, { weight, running }]) => ({ tenant: { name, weight }, count: running }));
  }

  /** What a share of weight 1 yields in this time, where all that use or want slots now share them. */
  yieldOf(ms: number): number {
    // One slot has just become free.
    let running = 1;
    for (const account of this.byTenant.values()) running += account.running + account.elsewhere;
    const weights = this.weights();
    return weights === 0 ? 0 : (running * ms) / weights;
  }

  /** Of all that use or want slots now. */
  private weights(): number {
    let weights = 0;
    for (const { weight, running, elsewhere, isWaiting } of this.byTenant.values())
      if (running + elsewhere > 0 || isWaiting) weights += weight;
    return weights;
  }

  private of({ name, weight }: Tenant): Account {
    let account = this.byTenant.get(name);
    if (account === undefined) {
      account = { weight, running: 0, elsewhere: 0, isWaiting: false, usedMs: 0, atMs: 0 };
      this.byTenant.set(name, account);
    }
    account.weight = weight;
    return account;
  }

  private count(account: Account, nowMs: number): void {
    if (!this.isCounting) return;
    account.usedMs += ((account.running + account.elsewhere) * (nowMs - account.atMs)) / account.weight;
    account.atMs = nowMs;
  }
}
