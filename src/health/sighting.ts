import type { Evidence } from './judge.js';
import { oneLine } from './one-line.js';

/** Evidence, and how it was come by. */
export interface Sighting extends Evidence {
  /** How long the probe took. */
  readonly ms: number;
  /** Whether it reached an address out in the internet. */
  readonly isPublic: boolean;
}

export function sighting(ok: boolean, detail: string, ms: number, isPublic: boolean): Sighting {
  return { ok, detail: oneLine(detail), ms: Math.round(ms), isPublic };
}
