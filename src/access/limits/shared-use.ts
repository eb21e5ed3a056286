import { Bucket } from './bucket.js';
import type { Limits } from './limits.js';

/** A replica that has not exchanged for this long holds no slots of `max_concurrent` any longer. */
export const LEASE_MS = 10_000;
/** The time over which demand is averaged. */
const DEMAND_MS = 3_000;
/** The part of each weight that does not depend on demand, so that a replica whose demand is new is not refused all. */
const EVEN_PART = 0.1;
/** The demand of a replica is dropped after this time. */
const FORGOTTEN_MS = 60_000;

/** What all replicas together have used of the limits of a key or a team: a row of `limit_use`. */
export interface SharedUse {
  readonly requestsLeft: number | null;
  readonly tokensLeft: number | null;
  readonly updatedAtMs: number;
  /** Replicas that used the limits lately, by their ids. */
  readonly replicas: Readonly<Record<string, ReplicaUse>>;
  /** The first day of the month in UTC, such as `2026-11-01`, of the sums. */
  readonly month: string;
  readonly monthTokens: number;
  readonly monthCost: number;
}

interface ReplicaUse {
  readonly atMs: number;
  /** Averages that decay. */
  readonly requests: number;
  readonly tokens: number;
  /** Slots of `max_concurrent` that only this replica may use. */
  readonly slots: number;
  /** Requests that ran there at once, or would have; 0: it leaves. */
  readonly wanted: number;
}

/** What a replica reports of one key or team: all since its last report. */
export interface Report {
  readonly replicaId: string;
  /** Live replicas, as it knows them; 1 or more. */
  readonly replicas: number;
  readonly limits: Limits;
  readonly requests: number;
  readonly tokens: number;
  readonly demandedRequests: number;
  readonly demandedTokens: number;
  /** How many requests it may let run until it hears the answer; running ones are included. */
  readonly ceiling: number;
  readonly wanted: number;
  readonly month: string;
  readonly monthTokens: number;
  readonly monthCost: number;
}

/** What a replica goes by until the next exchange. */
export interface Allowance {
  readonly requestsLeft: number | null;
  readonly tokensLeft: number | null;
  /** The part of what is left that is for this replica, above 0 and at most 1. */
  readonly requestsWeight: number;
  readonly tokensWeight: number;
  /** How many requests may run at once; one may always. */
  readonly slots: number;
  readonly month: string;
  readonly monthTokens: number;
  readonly monthCost: number;
}

/**
 * Adds the report of a replica to what is shared. Exchanges of one key or team follow each other: the row is locked.
 * @param shared `null`: nothing was used yet @param nowMs the clock of the database
 */
export function exchange(
  shared: SharedUse | null,
  report: Report,
  nowMs: number,
): { readonly shared: SharedUse; readonly allowance: Allowance } {
  const { limits, replicaId } = report;
  const sinceMs = shared?.updatedAtMs ?? nowMs;
  const others = othersOf(shared, replicaId, nowMs);
  const before = shared?.replicas[replicaId];
  const demand = decay(before?.atMs ?? nowMs, nowMs);
  const own = {
    atMs: nowMs,
    requests: (before?.requests ?? 0) * demand + report.demandedRequests,
    tokens: (before?.tokens ?? 0) * demand + report.demandedTokens,
    wanted: report.wanted,
  };
  const slots = slotsFor(limits.maxConcurrent, report, Object.values(others), nowMs);
  const month = monthOf(shared, report);
  const left = {
    requestsLeft: leftOf(shared?.requestsLeft, limits.requestsPerMinute, report.requests, sinceMs, nowMs),
    tokensLeft: leftOf(shared?.tokensLeft, limits.tokensPerMinute, report.tokens, sinceMs, nowMs),
  };
  const weights = Object.values(others).map(({ atMs, requests, tokens }) => {
    const faded = decay(atMs, nowMs);
    return { requests: requests * faded, tokens: tokens * faded };
  });
  return {
    shared: {
      ...left,
      ...month,
      updatedAtMs: Math.max(nowMs, sinceMs),
      // What it may use in the meantime stays reserved until it reports that it keeps to less.
      replicas: { ...others, [replicaId]: { ...own, slots: Math.max(slots, report.ceiling) } },
    },
    allowance: {
      ...left,
      ...month,
      requestsWeight: weightOf(
        own.requests,
        weights.map((each) => each.requests),
        report.replicas,
      ),
      tokensWeight: weightOf(
        own.tokens,
        weights.map((each) => each.tokens),
        report.replicas,
      ),
      slots,
    },
  };
}

function othersOf(shared: SharedUse | null, replicaId: string, nowMs: number): Record<string, ReplicaUse> {
  const all = Object.entries(shared?.replicas ?? {});
  return Object.fromEntries(all.filter(([id, { atMs }]) => id !== replicaId && nowMs - atMs < FORGOTTEN_MS));
}

function decay(fromMs: number, toMs: number): number {
  return Math.exp(-Math.max(0, toMs - fromMs) / DEMAND_MS);
}

function leftOf(
  left: number | null | undefined,
  limit: number | null,
  used: number,
  sinceMs: number,
  nowMs: number,
): number | null {
  if (limit === null) return null;
  return new Bucket(left ?? limit, sinceMs).refill(limit, nowMs) - used;
}

function weightOf(own: number, others: readonly number[], replicas: number): number {
  const even = 1 / Math.max(replicas, others.length + 1);
  const all = others.reduce((sum, each) => sum + each, own);
  return all <= 0 ? even : EVEN_PART * even + ((1 - EVEN_PART) * own) / all;
}

/** No more than others leave; where all want more than there is, in proportion to what each wants. */
function slotsFor(
  limit: number | null,
  { wanted }: Report,
  others: readonly ReplicaUse[],
  nowMs: number,
): number {
  if (limit === null || wanted === 0) return 0;
  const live = others.filter(({ atMs }) => nowMs - atMs < LEASE_MS);
  const taken = live.reduce((sum, { slots }) => sum + slots, 0);
  const wantedByOthers = live.reduce((sum, each) => sum + each.wanted, 0);
  const all = wanted + wantedByOthers;
  const fair = all <= limit ? limit - wantedByOthers : Math.ceil((limit * wanted) / all);
  return Math.max(0, Math.min(fair, limit - taken));
}

function monthOf(shared: SharedUse | null, report: Report) {
  const isSame = shared?.month === report.month;
  // The clocks of replicas differ: a report of the month before must not reset the sums.
  const isOld = shared !== null && report.month < shared.month;
  if (isOld) return { month: shared.month, monthTokens: shared.monthTokens, monthCost: shared.monthCost };
  return {
    month: report.month,
    monthTokens: (isSame ? shared.monthTokens : 0) + report.monthTokens,
    monthCost: (isSame ? shared.monthCost : 0) + report.monthCost,
  };
}

/** Exchanges of some seconds; should one of the clocks be set, it is known after as many. */
const SAMPLES = 16;

/** How far the database's clock is ahead of this replica's: as the least delayed of the last answers says. */
export class ServerClock {
  private readonly samples: number[] = [];

  /** @param serverMs in an answer that came at `nowMs` @returns at least their difference: every answer comes late */
  aheadMs(serverMs: number, nowMs: number): number {
    this.samples.push(serverMs - nowMs);
    if (this.samples.length > SAMPLES) this.samples.shift();
    return Math.max(...this.samples);
  }
}
