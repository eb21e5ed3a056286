/** What a key or a team may use; `null`: no limit. Months are calendar months in UTC. */
export interface Limits {
  readonly requestsPerMinute: number | null;
  /** In and out. */
  readonly tokensPerMinute: number | null;
  readonly maxConcurrent: number | null;
  readonly tokensPerMonth: number | null;
  readonly costPerMonth: number | null;
  /** Of `costPerMonth`: costs in another currency do not count; `null`: all are added as if they were of one. */
  readonly costCurrency: string | null;
}

/** The columns of `api_key` and `team`. */
export interface LimitColumns {
  readonly requests_per_minute: string | null;
  readonly tokens_per_minute: string | null;
  readonly max_concurrent: number | null;
  readonly tokens_per_month: string | null;
  readonly cost_per_month: string | null;
  readonly cost_currency: string | null;
}

/** `null`: there are none, which costs a request nothing. */
export function limitsOf(row: LimitColumns): Limits | null {
  const limits: Limits = {
    requestsPerMinute: numberOf(row.requests_per_minute),
    tokensPerMinute: numberOf(row.tokens_per_minute),
    maxConcurrent: row.max_concurrent,
    tokensPerMonth: numberOf(row.tokens_per_month),
    costPerMonth: numberOf(row.cost_per_month),
    costCurrency: row.cost_per_month === null ? null : row.cost_currency,
  };
  return Object.values(limits).every((limit) => limit === null) ? null : limits;
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}

/** The limits by the names that clients know. */
export type LimitName =
  'requests_per_minute' | 'tokens_per_minute' | 'max_concurrent' | 'tokens_per_month' | 'cost_per_month';

/** What of a cost counts for `costPerMonth`. */
export function countedCost(
  { costCurrency }: Pick<Limits, 'costCurrency'>,
  { cost, currency }: { readonly cost: number | null; readonly currency: string | null },
): number {
  return costCurrency === null || costCurrency === currency ? (cost ?? 0) : 0;
}

/** Why a request is not admitted. */
export interface Refusal {
  readonly limit: LimitName;
  readonly value: number;
  readonly retryAfterMs: number;
  /** Of a cost, where it has one. */
  readonly currency?: string | null;
}
