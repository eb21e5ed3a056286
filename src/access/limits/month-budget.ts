import type { Limits, Refusal } from './limits.js';
import type { Allowance, Report } from './shared-use.js';

/** What was used in a month, by all replicas. */
export type MonthSums = Pick<Allowance, 'month' | 'monthTokens' | 'monthCost'>;

/** The sums of the month of one key or team: what is shared, and what was added here since. */
export class MonthBudget {
  private tokens = 0;
  private cost = 0;
  /** What a report holds that is not answered yet. */
  private sentTokens = 0;
  private sentCost = 0;
  /** When the month of the shared sums ends. */
  private endsMs = 0;
  private sharedTokens = 0;
  private sharedCost = 0;

  get hasNews(): boolean {
    return this.tokens !== 0 || this.cost !== 0;
  }

  /** What runs now is not in the sums. */
  refusal({ tokensPerMonth, costPerMonth, costCurrency }: Limits, nowMs: number): Refusal | null {
    if (tokensPerMonth === null && costPerMonth === null) return null;
    const isCurrent = nowMs < this.endsMs;
    const tokens = (isCurrent ? this.sharedTokens : 0) + this.sentTokens + this.tokens;
    const cost = (isCurrent ? this.sharedCost : 0) + this.sentCost + this.cost;
    if (tokensPerMonth !== null && tokens >= tokensPerMonth)
      return { limit: 'tokens_per_month', value: tokensPerMonth, retryAfterMs: nextMonthMs(nowMs) - nowMs };
    if (costPerMonth !== null && cost >= costPerMonth)
      return {
        limit: 'cost_per_month',
        value: costPerMonth,
        retryAfterMs: nextMonthMs(nowMs) - nowMs,
        currency: costCurrency,
      };
    return null;
  }

  spend(tokens: number, cost: number): void {
    this.tokens += tokens;
    this.cost += cost;
  }

  report(nowMs: number): Pick<Report, 'month' | 'monthTokens' | 'monthCost'> {
    const report = { month: monthAt(nowMs), monthTokens: this.tokens, monthCost: this.cost };
    this.sentTokens = this.tokens;
    this.sentCost = this.cost;
    this.tokens = this.cost = 0;
    return report;
  }

  /** The report did not arrive. */
  restore({ monthTokens, monthCost }: Pick<Report, 'monthTokens' | 'monthCost'>): void {
    this.sentTokens = this.sentCost = 0;
    this.spend(monthTokens, monthCost);
  }

  adopt({ month, monthTokens, monthCost }: MonthSums): void {
    this.endsMs = nextMonthMs(Date.parse(month));
    this.sharedTokens = monthTokens;
    this.sharedCost = monthCost;
    this.sentTokens = this.sentCost = 0;
  }
}

/** The month of a time, by its first day in UTC. */
export function monthAt(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 7)}-01`;
}

/** When the next month begins. */
export function nextMonthMs(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
}
