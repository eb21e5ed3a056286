import type { Refusal } from './limits.js';

/** Whose limit it is. */
export interface LimitSubject {
  readonly kind: 'key' | 'team';
  readonly name: string;
}

const UNITS = {
  requests_per_minute: 'requests a minute',
  tokens_per_minute: 'tokens a minute',
  max_concurrent: 'requests at once',
  tokens_per_month: 'tokens a month',
  cost_per_month: 'a month in the currency of the prices',
} as const;

/** Each exchange with other replicas makes a bucket later by a part of its way: a retry in time must not be too early. */
const LATER = 1.01;
const LATER_MS = 20;

/** A limit of a key or a team refuses a request. */
export class LimitedError extends Error {
  override readonly name = 'LimitedError';
  /** As OpenAI: what time solves by itself, and what only a larger budget solves soon. */
  readonly code: 'rate_limit_exceeded' | 'insufficient_quota';
  readonly headers: Readonly<Record<string, string>>;

  constructor({ kind, name }: LimitSubject, refusal: Refusal, nowMs: number) {
    const { limit, value, retryAfterMs, currency = null } = refusal;
    const isBudget = limit === 'tokens_per_month' || limit === 'cost_per_month';
    const again = isBudget
      ? `again from ${new Date(nowMs + retryAfterMs).toISOString().slice(0, 10)} (UTC)`
      : limit === 'max_concurrent'
        ? 'again when another request ends'
        : `again in ${(Math.ceil(retryAfterMs / 100) / 10).toFixed(1)} s`;
    super(
      `${limit}: the ${kind} ${JSON.stringify(name)} may use ${value} ${currency === null ? UNITS[limit] : `${currency} a month`}; ${again}`,
    );
    this.code = isBudget ? 'insufficient_quota' : 'rate_limit_exceeded';
    const ms = Math.ceil(isBudget ? retryAfterMs : retryAfterMs * LATER + LATER_MS);
    const retryAfter = { 'retry-after': String(Math.max(1, Math.ceil(ms / 1_000))) };
    // Clients of OpenAI and Anthropic read the finer one first, and try a 429 again unless a header forbids it.
    this.headers = isBudget
      ? { ...retryAfter, 'x-should-retry': 'false' }
      : { ...retryAfter, 'retry-after-ms': String(ms) };
  }
}
