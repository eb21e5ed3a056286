/** The share of its weight a worker starts with. */
const FIRST_WEIGHT = 0.1;

/** 0 when it begins, 1 when it is over. */
export function warmthAt(sinceMs: number, nowMs: number, warmingMs: number): number {
  return warmingMs <= 0 ? 1 : Math.min(1, Math.max(0, (nowMs - sinceMs) / warmingMs));
}

export function warmedWeight(weight: number, warmth: number): number {
  return weight * (FIRST_WEIGHT + (1 - FIRST_WEIGHT) * warmth);
}

/** From 1 to all of it. */
export function warmedCap(cap: number, warmth: number): number {
  return cap <= 1 ? cap : Math.floor(1 + (cap - 1) * warmth);
}
