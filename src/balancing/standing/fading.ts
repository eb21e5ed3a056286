/** A quantity that halves in every half-life. */
export interface Fading {
  readonly amount: number;
  readonly atMs: number;
}

export const NOTHING: Fading = { amount: 0, atMs: 0 };

export function amountAt({ amount, atMs }: Fading, nowMs: number, halfLifeMs: number): number {
  return amount === 0 ? 0 : amount * 2 ** (-Math.max(0, nowMs - atMs) / halfLifeMs);
}

export function plus(before: Fading, more: number, nowMs: number, halfLifeMs: number): Fading {
  return { amount: amountAt(before, nowMs, halfLifeMs) + more, atMs: nowMs };
}
