import { Bucket, refillMs } from './bucket.js';
import type { Limits, Refusal } from './limits.js';
import { MonthBudget, type MonthSums } from './month-budget.js';
import { type Allowance, LEASE_MS, type Report } from './shared-use.js';

/** Without an exchange for this long, a replica keeps to its even share. */
export const STALE_MS = 3_000;
/** Between two exchanges: at once where the use of others is not known; often where requests are refused, or less than half is left. */
const PAUSE_MS = { unknown: 20, tight: 250, calm: 1_000 };
/**
 * When a request that `max_concurrent` refuses may try again: another one ends at a time that is not known; an exchange brings
 * slots to a replica that has none.
 */
const SLOT_RETRY_MS = { held: 1_000, none: 100 };

/** The other replicas, as this one knows them. */
export interface Peers {
  /** Live replicas, this one included. */
  readonly count: number;
  /** The database did not answer the last exchange. */
  readonly isAway: boolean;
}

/** What a request was charged when it was admitted. */
export interface Charge {
  readonly meter: Meter;
  readonly tokens: number;
  readonly weight: number;
  /** The number of exchanges before it. */
  readonly exchanges: number;
}

/**
 * What this replica knows of the use of one key or team. Until the next exchange, it takes others to use their parts as it
 * uses its own: each token used here costs `1 / weight`. So together they use what is left, and no more.
 */
export class Meter {
  running = 0;
  /** Since the last report. */
  private requests = 0;
  private tokens = 0;
  private demandedRequests = 0;
  private demandedTokens = 0;
  private refused = 0;
  private mostRunning = 0;

  private readonly budget = new MonthBudget();
  private readonly requestBucket = new Bucket(Infinity, 0);
  private readonly tokenBucket = new Bucket(Infinity, 0);
  private requestsWeight = 1;
  private tokensWeight = 1;
  private slots = 0;
  private exchanges = 0;
  private heardMs = -Infinity;
  /** When it was last used. */
  usedMs = -Infinity;

  /** Why a request cannot be admitted now; `null`: it can. @param tokens its estimate, at most the limit */
  refusal(limits: Limits, tokens: number, nowMs: number, peers: Peers): Refusal | null {
    const refusal = this.budget.refusal(limits, nowMs) ?? this.immediate(limits, tokens, nowMs, peers);
    this.usedMs = nowMs;
    this.demandedRequests += 1;
    this.demandedTokens += tokens;
    if (refusal !== null) this.refused += 1;
    return refusal;
  }

  /** After `refusal` returned null. */
  take(tokens: number, nowMs: number, peers: Peers): Charge {
    const isStale = this.isStale(nowMs);
    const weight = isStale ? 1 / peers.count : this.tokensWeight;
    this.requestBucket.level -= 1 / (isStale ? 1 / peers.count : this.requestsWeight);
    this.tokenBucket.level -= tokens / weight;
    this.requests += 1;
    this.tokens += tokens;
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    return { meter: this, tokens, weight, exchanges: this.exchanges };
  }

  /** The request no longer runs. */
  leave(): void {
    this.running -= 1;
  }

  /** What a request used replaces its estimate. */
  settle(charge: Charge, tokens: number): void {
    const more = tokens - charge.tokens;
    // What was reported since is in the level as it was used; what was not is in it by its weight.
    this.tokenBucket.level -= this.exchanges === charge.exchanges ? more / charge.weight : more;
    this.tokens += more;
  }

  /** What was used and not estimated before: by a job, whose request may have ended long ago. */
  use(tokens: number, nowMs: number, peers: Peers): void {
    this.tokenBucket.level -= tokens / (this.isStale(nowMs) ? 1 / peers.count : this.tokensWeight);
    this.tokens += tokens;
    this.demandedTokens += tokens;
    this.usedMs = nowMs;
  }

  /** What was used this month, as far as it is known before the first exchange. */
  knowMonth(sums: MonthSums): void {
    this.budget.adopt(sums);
  }

  /** Adds to the sums of the month. */
  spend(tokens: number, cost: number): void {
    this.budget.spend(tokens, cost);
  }

  requestsLeft(size: number, nowMs: number): number {
    return Math.max(0, Math.floor(this.requestBucket.refill(size, nowMs)));
  }

  tokensLeft(size: number, nowMs: number): number {
    return Math.max(0, Math.floor(this.tokenBucket.refill(size, nowMs)));
  }

  /** Milliseconds until the bucket is full. Call after `requestsLeft`. */
  requestsFullMs(size: number): number {
    return refillMs(size, this.requestBucket.level, size);
  }

  tokensFullMs(size: number): number {
    return refillMs(size, this.tokenBucket.level, size);
  }

  isStale(nowMs: number): boolean {
    return nowMs - this.heardMs >= STALE_MS;
  }

  /** How soon an exchange should follow a request. */
  pauseMs(limits: Limits, nowMs: number): number {
    if (this.isStale(nowMs)) return PAUSE_MS.unknown;
    return this.isTight(limits) ? PAUSE_MS.tight : PAUSE_MS.calm;
  }

  private isTight({ requestsPerMinute, tokensPerMinute, maxConcurrent }: Limits): boolean {
    return (
      this.refused > 0 ||
      (requestsPerMinute !== null && this.requestBucket.level < requestsPerMinute / 2) ||
      (tokensPerMinute !== null && this.tokenBucket.level < tokensPerMinute / 2) ||
      (maxConcurrent !== null && this.running * 2 >= this.slots)
    );
  }

  /** Whether other replicas have to hear of it. */
  isActive(nowMs: number): boolean {
    return this.hasNews || this.running > 0 || this.slots > 0 || nowMs - this.usedMs < STALE_MS;
  }

  /** Takes what is to be reported. */
  report(replicaId: string, limits: Limits, nowMs: number, peers: Peers): Report {
    const isLeaving = this.running === 0 && nowMs - this.usedMs >= STALE_MS;
    if (isLeaving) this.slots = 0;
    const wasStale = this.isStale(nowMs) && this.heardMs !== -Infinity;
    const report: Report = {
      replicaId,
      replicas: peers.count,
      limits,
      requests: wasStale ? atMost(this.requests, limits.requestsPerMinute, peers) : this.requests,
      tokens: wasStale ? atMost(this.tokens, limits.tokensPerMinute, peers) : this.tokens,
      demandedRequests: this.demandedRequests,
      demandedTokens: this.demandedTokens,
      ceiling: Math.max(this.running, this.slots),
      wanted: isLeaving ? 0 : Math.max(1, this.mostRunning, this.running + this.refused),
      ...this.budget.report(nowMs),
    };
    this.requests = this.tokens = 0;
    this.demandedRequests = this.demandedTokens = this.refused = 0;
    this.mostRunning = this.running;
    return report;
  }

  /** It will not be used again: its slots are for others. */
  close(): void {
    this.usedMs = -Infinity;
    this.slots = 0;
  }

  /** The exchange failed: it is reported with the next. */
  restore(report: Report): void {
    this.requests += report.requests;
    this.tokens += report.tokens;
    this.demandedRequests += report.demandedRequests;
    this.demandedTokens += report.demandedTokens;
    this.budget.restore(report);
  }

  /**
   * Goes by the answer. What was used while it was on its way is taken off.
   * @param readMs when what is left was read: from then on it refills
   */
  adopt(allowance: Allowance, readMs: number): void {
    const { requestsLeft, tokensLeft, requestsWeight, tokensWeight } = allowance;
    this.requestsWeight = requestsWeight;
    this.tokensWeight = tokensWeight;
    if (requestsLeft !== null) set(this.requestBucket, requestsLeft - this.requests / requestsWeight, readMs);
    if (tokensLeft !== null) set(this.tokenBucket, tokensLeft - this.tokens / tokensWeight, readMs);
    this.slots = allowance.slots;
    this.budget.adopt(allowance);
    this.exchanges += 1;
    this.heardMs = readMs;
  }

  private get hasNews(): boolean {
    return this.requests !== 0 || this.tokens !== 0 || this.budget.hasNews || this.demandedRequests !== 0;
  }

  private immediate(limits: Limits, tokens: number, nowMs: number, peers: Peers): Refusal | null {
    const { requestsPerMinute, tokensPerMinute, maxConcurrent } = limits;
    if (maxConcurrent !== null && this.running >= this.mayRun(maxConcurrent, nowMs, peers))
      return {
        limit: 'max_concurrent',
        value: maxConcurrent,
        retryAfterMs: SLOT_RETRY_MS[this.slots > 0 || peers.count === 1 ? 'held' : 'none'],
      };
    if (requestsPerMinute !== null) {
      const level = this.requestBucket.refill(requestsPerMinute, nowMs);
      const retryAfterMs = refillMs(requestsPerMinute, level, 1);
      if (level < 1) return { limit: 'requests_per_minute', value: requestsPerMinute, retryAfterMs };
    }
    if (tokensPerMinute === null) return null;
    const level = this.tokenBucket.refill(tokensPerMinute, nowMs);
    if (level >= tokens) return null;
    const retryAfterMs = refillMs(tokensPerMinute, level, tokens);
    return { limit: 'tokens_per_minute', value: tokensPerMinute, retryAfterMs };
  }

  /** Slots are leased, so that replicas never use more than the limit and one each; a replica alone needs no lease. */
  private mayRun(limit: number, nowMs: number, { count, isAway }: Peers): number {
    if (this.slots > 0 && nowMs - this.heardMs < LEASE_MS / 2) return Math.min(this.slots, limit);
    if (isAway || count === 1) return Math.ceil(limit / count);
    return 1;
  }
}

/** What is reported after a long time without an exchange: more has refilled meanwhile. */
function atMost(used: number, limit: number | null, { count }: Peers): number {
  return limit === null ? used : Math.min(used, limit / count);
}

function set(bucket: Bucket, level: number, nowMs: number): void {
  bucket.level = level;
  bucket.atMs = nowMs;
}
