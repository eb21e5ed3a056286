import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ReplicaSettings } from '../config/settings.js';
import {
  afterInterruption,
  afterLook,
  aloneAs,
  areSame,
  type ReplicaMembership,
} from './replica-membership.js';

/** How often a replica looks for others: concurrency must be rebalanced sooner than the next heartbeat. */
export const LOOK_MS = 1_000;
/** Within this time, all replicas notice that one joined or left. */
export const SETTLE_MS = 2 * LOOK_MS;

/** The running copies of the service, as last seen: their number, and this replica's rank among them. */
@Injectable()
export class Replicas {
  readonly id = randomUUID();
  private membership: ReplicaMembership = aloneAs(this.id);
  private hasLooked = false;
  /** `-Infinity`: there was no other replica. */
  private joinedMs = Infinity;
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly settings: ReplicaSettings) {}

  /** Whether the database has been queried for the replicas, successfully or not. */
  get isKnown(): boolean {
    return this.hasLooked;
  }

  get count(): number {
    return this.membership.ids.length;
  }

  /** This replica's position among all, 0 to count - 1. */
  get rank(): number {
    return this.membership.ids.indexOf(this.id);
  }

  /** By then all others have noticed this replica; by the clock of `performance.now()`. */
  get noticedAtMs(): number {
    return this.joinedMs + SETTLE_MS;
  }

  /** Calls `listener` after every change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  update(others: readonly string[], nowMs: number): void {
    if (this.joinedMs === Infinity) this.joinedMs = others.length === 0 ? -Infinity : nowMs;
    this.set(afterLook(this.membership, [...others, this.id], nowMs, 2 * this.settings.heartbeatMs));
  }

  markInterrupted(): void {
    this.set(afterInterruption(this.membership));
  }

  private set(membership: ReplicaMembership): void {
    const isNews = !this.hasLooked || !areSame(this.membership, membership);
    this.membership = membership;
    this.hasLooked = true;
    if (isNews) for (const listener of this.listeners) listener();
  }
}
