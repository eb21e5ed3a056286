import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../caller.js';
import { LiveKeys } from '../keys/live-keys.js';
import { LimitedError } from './limit-errors.js';
import { LimitExchange, type Metered } from './limit-exchange.js';
import { setLimitHeaders, type ShownLimit, tighter } from './limit-headers.js';
import { countedCost, type Limits } from './limits.js';
import type { Charge } from './meter.js';

/** A key or a team with limits, as one request meets it. */
interface Limited {
  readonly of: Metered;
  readonly name: string;
  readonly limits: Limits;
}

/** What a request or a job has used. */
interface Spent {
  readonly keyId: string | null;
  readonly team: string | null;
  readonly input: number;
  readonly output: number;
  readonly cost: number | null;
  readonly currency: string | null;
  /** `part`: the call of a job, whose request has given its estimate back. */
  readonly outcome: string;
}

const NO_CHARGES: readonly Charge[] = [];

/** Holds requests to the limits of their keys and teams. Decides from memory alone. */
@Injectable()
export class Limiter {
  constructor(
    private readonly keys: LiveKeys,
    private readonly exchange: LimitExchange,
  ) {}

  /**
   * Admits a request of a limited caller; of others it does nothing. The response gets the headers that show what is left. Call
   * `left` when it is closed. @param estimate of its tokens, called where they matter @throws LimitedError
   */
  enter(http: FastifyRequest, reply: FastifyReply, estimate: () => number): void {
    const key = this.keyOf(http.caller);
    const team = this.teamOf(http.caller);
    if (key === null && team === null) return;
    // A request may come by twice: as a call of a model, and as the job that the call becomes. The response of a client that
    // has left is closed no more.
    if (http.charges !== undefined || reply.raw.closed) return;
    const nowMs = Date.now();
    const tokens = countsTokens(key) || countsTokens(team) ? estimate() : 0;
    const refused = this.refusal(key, tokens, nowMs) ?? this.refusal(team, tokens, nowMs);
    http.charges = refused === null ? this.chargesOf(key, team, tokens, nowMs) : NO_CHARGES;
    // Other replicas hear of refused ones, too.
    if (key !== null) this.exchange.used(key.of, key.limits, nowMs);
    if (team !== null) this.exchange.used(team.of, team.limits, nowMs);
    this.show(http, reply, key, team, nowMs);
    if (refused !== null) throw refused;
  }

  /** Its response is closed: it no longer runs, however it ended. */
  left({ charges }: FastifyRequest): void {
    if (charges !== undefined) for (const { meter } of charges) meter.leave();
  }

  /** An answer that is made before a request is admitted shows what is left, too. */
  showLeft(http: FastifyRequest, reply: FastifyReply): void {
    const { caller, method, routeOptions } = http;
    if (method !== 'POST' || routeOptions.config.right !== 'call_models') return;
    // No key, or a wrong one.
    if (caller === undefined || http.charges !== undefined) return;
    this.show(http, reply, this.keyOf(caller), this.teamOf(caller), Date.now());
  }

  /** The request has ended, and so has its call. @param tokens what it used; `null`: not known, and its estimate stays */
  ended(http: FastifyRequest, tokens: number | null): void {
    if (tokens === null || http.charges === undefined) return;
    for (const charge of http.charges) charge.meter.settle(charge, tokens);
  }

  /** What a request or a job used counts for the budgets of the month, and that of a job for the minute, too. */
  spent(spent: Spent): void {
    const { keyId, team } = spent;
    const own = keyId === null ? null : (this.keys.callerWithId(keyId)?.limits ?? null);
    const shared = team === null ? null : this.keys.limitsOfTeam(team);
    if (own === null && shared === null) return;
    const nowMs = Date.now();
    if (keyId !== null && own !== null) this.spend('key', keyId, own, spent, nowMs);
    if (team !== null && shared !== null) this.spend('team', team, shared, spent, nowMs);
  }

  private spend(
    kind: Metered['kind'],
    id: string,
    limits: Limits,
    { input, output, cost, currency, outcome }: Spent,
    nowMs: number,
  ): void {
    const metered = this.exchange.of(kind, id);
    metered.meter.spend(input + output, countedCost(limits, { cost, currency }));
    if (outcome === 'part') metered.meter.use(input + output, nowMs, this.exchange.peers);
    this.exchange.used(metered, limits, nowMs);
  }

  private keyOf({ keyId, name, limits }: Caller): Limited | null {
    return keyId === null || limits === null ? null : { of: this.exchange.of('key', keyId), name, limits };
  }

  private teamOf({ team }: Caller): Limited | null {
    const limits = team === null ? null : this.keys.limitsOfTeam(team);
    return team === null || limits === null
      ? null
      : { of: this.exchange.of('team', team), name: team, limits };
  }

  private refusal(limited: Limited | null, tokens: number, nowMs: number): LimitedError | null {
    if (limited === null) return null;
    const { of, name, limits } = limited;
    const refusal = of.meter.refusal(limits, estimateFor(limits, tokens), nowMs, this.exchange.peers);
    return refusal === null ? null : new LimitedError({ kind: of.kind, name }, refusal, nowMs);
  }

  private chargesOf(
    key: Limited | null,
    team: Limited | null,
    tokens: number,
    nowMs: number,
  ): readonly Charge[] {
    const ofTeam = team === null ? null : this.take(team, tokens, nowMs);
    if (key === null) return ofTeam === null ? NO_CHARGES : [ofTeam];
    const ofKey = this.take(key, tokens, nowMs);
    return ofTeam === null ? [ofKey] : [ofKey, ofTeam];
  }

  private take({ of, limits }: Limited, tokens: number, nowMs: number): Charge {
    return of.meter.take(estimateFor(limits, tokens), nowMs, this.exchange.peers);
  }

  private show(
    http: FastifyRequest,
    reply: FastifyReply,
    key: Limited | null,
    team: Limited | null,
    nowMs: number,
  ): void {
    const isAnthropic = http.url.startsWith('/v1/messages');
    const requests = tighter(requestsOf(key, nowMs), requestsOf(team, nowMs));
    if (requests !== null) setLimitHeaders(reply, 'requests', requests, isAnthropic, nowMs);
    const tokens = tighter(tokensOf(key, nowMs), tokensOf(team, nowMs));
    if (tokens !== null) setLimitHeaders(reply, 'tokens', tokens, isAnthropic, nowMs);
    http.showsLimits = requests !== null || tokens !== null;
  }
}

/** Whether the estimate of tokens matters. */
function countsTokens(limited: Limited | null): boolean {
  return limited !== null && limited.limits.tokensPerMinute !== null;
}

/** No request needs more than a full bucket. */
function estimateFor({ tokensPerMinute }: Limits, tokens: number): number {
  return Math.min(tokens, tokensPerMinute ?? tokens);
}

function requestsOf(limited: Limited | null, nowMs: number): ShownLimit | null {
  const limit = limited?.limits.requestsPerMinute ?? null;
  if (limited === null || limit === null) return null;
  const { meter } = limited.of;
  return { limit, remaining: meter.requestsLeft(limit, nowMs), fullMs: meter.requestsFullMs(limit) };
}

function tokensOf(limited: Limited | null, nowMs: number): ShownLimit | null {
  const limit = limited?.limits.tokensPerMinute ?? null;
  if (limited === null || limit === null) return null;
  const { meter } = limited.of;
  return { limit, remaining: meter.tokensLeft(limit, nowMs), fullMs: meter.tokensFullMs(limit) };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What it was charged of the limits of its key and its team; left out: it has not come to them, or has none. */
    charges: readonly Charge[] | undefined;
    /** Whether its response has the headers of its own limits. */
    showsLimits: boolean;
  }
}
