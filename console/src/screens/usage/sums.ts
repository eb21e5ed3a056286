import type { Schemas } from '../../api/client';

export type UsageRow = Schemas['UsageRowDto'];

export interface Sums {
  readonly requests: number;
  readonly failed: number;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  /** Of input and output together, those that no server reported. */
  readonly estimated: number;
  /** By currency; empty: nothing of it is priced. */
  readonly costs: Readonly<Record<string, number>>;
}

const NONE: Sums = { requests: 0, failed: 0, input: 0, cached: 0, output: 0, estimated: 0, costs: {} };

/** Two currencies are two rows of one thing. */
export function sumOf(rows: readonly UsageRow[]): Sums {
  return rows.reduce<Sums>(
    (sum, row) => ({
      requests: sum.requests + row.requests,
      failed: sum.failed + row.errors_caller + row.errors_worker + row.errors_service,
      input: sum.input + row.input_tokens,
      cached: sum.cached + row.cached_tokens,
      output: sum.output + row.output_tokens,
      estimated: sum.estimated + row.estimated_tokens,
      costs:
        row.cost === null || row.currency === null
          ? sum.costs
          : { ...sum.costs, [row.currency]: (sum.costs[row.currency] ?? 0) + row.cost },
    }),
    NONE,
  );
}

export const RANGES = [
  ['24h', '24 h'],
  ['7d', '7 days'],
  ['30d', '30 days'],
] as const;
type Range = (typeof RANGES)[number][0];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const COUNTS: Readonly<Record<Range, number>> = { '24h': 24, '7d': 7, '30d': 30 };

export const rangeOf = (text: string): Range => RANGES.find(([each]) => each === text)?.[0] ?? '30d';

/** The hours or days of a range, the last of which is not over; as the API names them, in UTC. */
export function bucketsOf(range: Range, nowMs: number): readonly string[] {
  const step = range === '24h' ? HOUR_MS : DAY_MS;
  const last = Math.floor(nowMs / step) * step;
  return Array.from({ length: COUNTS[range] }, (_, index) =>
    new Date(last - (COUNTS[range] - 1 - index) * step).toISOString().slice(0, range === '24h' ? 19 : 10),
  );
}
