import type { ProbeEvidence } from '../judging/health-state.js';
import { oneLine } from './one-line.js';

/** Evidence, and how it was come by. */
export interface Sighting extends Omit<ProbeEvidence, 'generation'> {
  /** How long the probe took. */
  readonly ms: number;
  /** Whether it reached an address out in the internet. */
  readonly isPublic: boolean;
}

export function wentWell(detail: string, ms: number, isPublic: boolean): Sighting {
  return { ok: true, detail: oneLine(detail), isSilent: false, ms: Math.round(ms), isPublic };
}

/** @param isSilent it could be connected to, and did not answer in time */
export function wentWrong(
  detail: string,
  ms: number,
  { isSilent = false, isPublic = false }: { readonly isSilent?: boolean; readonly isPublic?: boolean } = {},
): Sighting {
  return { ok: false, detail: oneLine(detail), isSilent, ms: Math.round(ms), isPublic };
}
