import type { RunningElsewhere } from '../../replicas/slots/tenant-demand.js';
import type { Tenant } from './tenant.js';
import type { Side } from './turn-rules.js';

/** The requests of tenants that run at the other replicas. */
export type Elsewhere = ReadonlyMap<string, RunningElsewhere>;

interface Account {
  weight: number;
  /** Its requests that run here, and at the other replicas. */
  running: number;
  elsewhere: number;
  isWaiting: boolean;
  /** Slot time ÷ the weight that it had meanwhile, in milliseconds, less what is not held against it. */
  usedMs: number;
  /** What other replicas used for it while it waits here, likewise; it is added when a request of it starts here. */
  laterMs: number;
  atMs: number;
}

/**
 * A request that runs counts as if it had run this long already: of several slots that become free at once, one tenant would
 * take all otherwise. Simulated: shares are the same with 0, 0.5, 5 and 20 s; with 5 s the chats of a tenant with too much work
 * wait up to twice as long, with 20 s five times.
 */
const BEGUN_MS = 500;

/**
 * So much of what a tenant uses at other replicas while it waits here counts only when a request of it starts here. Else all its
 * requests at one replica could wait for minutes while those at another had its whole share. [Simulated for ten minutes, weights 3 and
 * 1 at two replicas with a slot each and requests of 0.8 s, 30 seeds: the lighter one waits up to 440 s with 10 s, up to 52 s with 60 s
 * and without a bound; shares are the same]
 */
const MOST_LATER_MS = 60_000;

/**
 * An interactive request goes before others by what its tenant's share yields in this time; the tenant's own default requests
 * pay for it. [Simulated: of the chats of one of 20 tenants with too much work on 8 slots 46 % are refused without it, 4 % at most with it]
 */
const AHEAD_MS = 60_000;
/**
 * And by no more than all slots yield in this time: so long do the others wait when a tenant with interactive work only begins. It is
 * less than half of the time that a request waits by default.
 */
const MOST_AHEAD_MS = 4_000;

/**
 * Beyond so many, tenants that use and want nothing are forgotten, and what they used with them: a key that acts for every team
 * may send as many names as it likes.
 */
const MOST_IDLE = 1_000;

/** A tenant whose interactive request goes next. */
export interface Leading {
  readonly weight: number;
  /** Those that all tenants used then, and the one that it got. */
  readonly slots: number;
}

/** By how much an interactive request goes before the rank of its tenant. @param weights of all tenants that share the slots */
export function leadOf({ weight, slots }: Leading, weights: number): number {
  return slots * Math.min(AHEAD_MS / Math.max(1, weights), MOST_AHEAD_MS / weight);
}

/**
 * How much of a model's slots each tenant has used since requests began to wait, as slot time ÷ weight: the one that used least
 * goes next [start-time fair queueing, with the clock instead of lengths, which are unknown]. While none waits, nothing counts:
 * to use idle slots is held against no tenant, and to leave them idle earns nothing.
 */
export class Accounts {
  private readonly byTenant = new Map<string, Account>();
  private isCounting = false;
  /** The number of accounts at which idle ones are looked for again. */
  private forgetAt = MOST_IDLE;
  /** Of the tenants that waited when one was last picked. Without a pick since, a tenant that left for a moment keeps its turn. */
  private lowestRank = 0;
  /** If the request that was picked was interactive and went before the rank of its tenant. */
  private leading: Leading | null = null;

  started(tenant: Tenant, nowMs: number): void {
    const account = this.of(tenant);
    this.count(account, nowMs);
    account.running += 1;
    chargeLater(account);
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
    this.picked(0, null);
    for (const [name, account] of this.byTenant) {
      if (account.running === 0) this.byTenant.delete(name);
      account.usedMs = 0;
      account.laterMs = 0;
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
    const leadMs = this.leading === null ? 0 : leadOf(this.leading, this.weights());
    const missing = this.lowestRank - leadMs - this.rankOf(tenant, nowMs);
    if (missing > 0) account.usedMs += missing;
  }

  /** None of its requests waits any more. */
  leaves({ name }: Tenant): void {
    const account = this.byTenant.get(name);
    if (account === undefined) return;
    account.isWaiting = false;
    chargeLater(account);
  }

  /** What the tenant has used for its weight; of those that wait, the one with the lowest rank goes next. */
  rankOf(tenant: Tenant, nowMs: number): number {
    const account = this.of(tenant);
    this.count(account, nowMs);
    return account.usedMs + (BEGUN_MS * (account.running + account.elsewhere)) / account.weight;
  }

  /** A request of the tenant with this rank goes next. @param leading where its lead counted */
  picked(rank: number, leading: Leading | null): void {
    this.lowestRank = rank;
    this.leading = leading;
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

  get size(): number {
    return this.byTenant.size;
  }

  /** All slots that are used, at the moment in which one has become free. */
  get slots(): number {
    let slots = 1;
    for (const { running, elsewhere } of this.byTenant.values()) slots += running + elsewhere;
    return slots;
  }

  /** Of all tenants that use or want slots now. */
  weights(): number {
    let weights = 0;
    for (const { weight, running, elsewhere, isWaiting } of this.byTenant.values())
      if (running + elsewhere > 0 || isWaiting) weights += weight;
    return weights;
  }

  private of({ name, weight }: Tenant): Account {
    let account = this.byTenant.get(name);
    if (account === undefined) {
      if (this.byTenant.size >= this.forgetAt) this.forgetIdle();
      account = { weight, running: 0, elsewhere: 0, isWaiting: false, usedMs: 0, laterMs: 0, atMs: 0 };
      this.byTenant.set(name, account);
    }
    account.weight = weight;
    return account;
  }

  private forgetIdle(): void {
    for (const [name, { running, elsewhere, isWaiting }] of this.byTenant)
      if (running + elsewhere === 0 && !isWaiting) this.byTenant.delete(name);
    this.forgetAt = Math.max(MOST_IDLE, 2 * this.byTenant.size);
  }

  private count(account: Account, nowMs: number): void {
    if (!this.isCounting) return;
    const perSlotMs = (nowMs - account.atMs) / account.weight;
    const elsewhereMs = account.elsewhere * perSlotMs;
    const laterMs = account.isWaiting ? Math.min(elsewhereMs, MOST_LATER_MS - account.laterMs) : 0;
    account.laterMs += laterMs;
    account.usedMs += account.running * perSlotMs + elsewhereMs - laterMs;
    account.atMs = nowMs;
  }
}

function chargeLater(account: Account): void {
  account.usedMs += account.laterMs;
  account.laterMs = 0;
}
