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

/** How often a replica looks who else is there: caps must be shared out anew sooner than the next beat. */
export const LOOK_MS = 1_000;
/** Within this time all replicas see that one joined or left. */
export const SETTLE_MS = 2 * LOOK_MS;

/** The running copies of the service, as last seen: how many there are, and which of them this is. */
@Injectable()
export class Replicas {
  readonly id = randomUUID();
  private census: ReplicaMembership = aloneAs(this.id);
  private hasLooked = false;
  /** `-Infinity`: there was nobody else. */
  private cameMs = Infinity;
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly settings: ReplicaSettings) {}

  /** Whether it has been looked how many there are, or that this can't be seen now. */
  get isKnown(): boolean {
    return this.hasLooked;
  }

  get count(): number {
    return this.census.ids.length;
  }

  /** Of this one among all, 0 to count - 1. */
  get rank(): number {
    return this.census.ids.indexOf(this.id);
  }

  /** By then the others have noticed that this one is there; by the clock of `performance.now()`. */
  get noticedAtMs(): number {
    return this.cameMs + SETTLE_MS;
  }

  /** Calls `listener` after every change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  update(others: readonly string[], nowMs: number): void {
    if (this.cameMs === Infinity) this.cameMs = others.length === 0 ? -Infinity : nowMs;
    this.become(afterLook(this.census, [...others, this.id], nowMs, 2 * this.settings.heartbeatMs));
  }

  markInterrupted(): void {
    this.become(afterInterruption(this.census));
  }

  private become(census: ReplicaMembership): void {
    const isNews = !this.hasLooked || !areSame(this.census, census);
    this.census = census;
    this.hasLooked = true;
    if (isNews) for (const listener of this.listeners) listener();
  }
}
