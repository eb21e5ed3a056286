import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { ReplicaSettings } from '../config/settings.js';
import { ReplicaIdentity } from '../database/replica-identity.js';
import type { OtherReplica } from './replica-table.js';
import type { Running } from './replica.entity.js';
import {
  afterInterruption,
  afterLook,
  aloneAs,
  areSame,
  type ReplicaMembership,
} from './replica-membership.js';

/** How often a replica looks for others, also where no NOTIFY arrives: concurrency must be rebalanced sooner than the next heartbeat. */
export const LOOK_MS = 1_000;
/** Within this time, all replicas notice a change, but those that are paused or cut off. */
export const SETTLE_MS = 2 * LOOK_MS;
/** A database that has not answered for this long counts as unavailable, and requests no longer wait for it. */
export const AWAY_MS = 2_000;

/** The running copies of the service, as last seen. */
@Injectable()
export class Replicas {
  readonly id: string;
  private membership: ReplicaMembership;
  /** Replicas that take no new requests, and what still runs there. */
  private draining: ReadonlyMap<string, Running> = new Map();
  private hasLooked = false;
  private noticed = false;
  private settled = false;
  private agreed = true;
  private returnedAtMs = -Infinity;
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly settings: ReplicaSettings,
    { id }: ReplicaIdentity,
  ) {
    this.id = id;
    this.membership = aloneAs(id);
  }

  /** Whether the database has been queried for the replicas, successfully or not. */
  get isKnown(): boolean {
    return this.hasLooked;
  }

  /** Live replicas, draining ones included. */
  get liveCount(): number {
    return this.membership.ids.length;
  }

  /** Live replicas that take new requests; 1 or more. */
  get count(): number {
    return Math.max(1, this.active.length);
  }

  /** Ids of those, this replica's included unless it takes none. */
  get activeIds(): readonly string[] {
    return this.active;
  }

  /** When the database last answered again after it was away; by the clock of `performance.now()`. */
  get returnedMs(): number {
    return this.returnedAtMs;
  }

  /** Requests that run on the worker at replicas that take no new ones. */
  runningAtDraining(workerId: string): number {
    let sum = 0;
    for (const [id, running] of this.draining) if (id !== this.id) sum += running[workerId] ?? 0;
    return sum;
  }

  /** Once this replica takes no new requests: how many may still run on the worker here. `null`: it takes some. */
  ownRest(workerId: string): number | null {
    const own = this.draining.get(this.id);
    return own === undefined ? null : (own[workerId] ?? 0);
  }

  /** The same for all workers; those without requests are left out. */
  get ownRunning(): Running | null {
    return this.draining.get(this.id) ?? null;
  }

  /** This replica takes no new requests, and these still run. */
  drain(running: Running): void {
    this.draining = new Map([...this.draining, [this.id, running]]);
    this.notify();
  }

  /** Ids of the others by which this replica divides the slots. */
  get othersIds(): readonly string[] {
    return this.membership.ids.filter((id) => id !== this.id);
  }

  /** The others do not use what is this replica's part. */
  get isNoticed(): boolean {
    return this.noticed;
  }

  /** This replica uses slots: it is noticed, and knows what the others use. Once true, always true. */
  get isSettled(): boolean {
    return this.settled;
  }

  /** Each of the others knows all the replicas that this one knows, as of the last look; those of the release before do not say. */
  get areAgreed(): boolean {
    return this.agreed;
  }

  markNoticed(): void {
    this.noticed = true;
    this.notify();
  }

  markSettled(): void {
    this.noticed = true;
    this.settled = true;
    this.notify();
  }

  /** Calls `listener` after every change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  update(others: readonly OtherReplica[], nowMs: number): void {
    if (this.membership.isInterrupted) this.returnedAtMs = nowMs;
    const own = this.draining.get(this.id);
    const draining = new Map(own === undefined ? [] : [[this.id, own]]);
    for (const other of others) if (other.draining !== null) draining.set(other.id, other.draining);
    const isNews = !isDeepStrictEqual(draining, this.draining);
    this.draining = draining;
    const seen = [...others.map(({ id }) => id), this.id];
    this.set(afterLook(this.membership, seen, nowMs, 2 * this.settings.heartbeatMs), isNews);
    this.agreed = others.every(
      ({ id, knows }) =>
        knows === null || this.membership.ids.every((its) => its === id || knows.includes(its)),
    );
  }

  markInterrupted(): void {
    this.set(afterInterruption(this.membership));
  }

  private get active(): readonly string[] {
    return this.membership.ids.filter((id) => !this.draining.has(id));
  }

  private set(membership: ReplicaMembership, isNewsAnyway = false): void {
    const isNews = isNewsAnyway || !this.hasLooked || !areSame(this.membership, membership);
    this.membership = membership;
    this.hasLooked = true;
    if (isNews) this.notify();
  }

  private notify(): void {
    for (const listener of this.listeners) listener();
  }
}
