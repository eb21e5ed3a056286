import ipaddr from 'ipaddr.js';
import type { ProbeEvidence } from '../evaluation/health-state.js';
import { oneLine } from '../evaluation/health-state.js';

/** Evidence, and how it was come by. */
export interface ProbeResult extends Omit<ProbeEvidence, 'generation'> {
  /** How long the probe took. */
  readonly ms: number;
  /** Whether it reached an address out in the internet. */
  readonly isPublic: boolean;
}

export function succeeded(detail: string, ms: number, isPublic: boolean): ProbeResult {
  return { ok: true, detail: oneLine(detail), isSilent: false, ms: Math.round(ms), isPublic };
}

/** @param isSilent it could be connected to, and did not answer in time */
export function failed(
  detail: string,
  ms: number,
  { isSilent = false, isPublic = false }: { readonly isSilent?: boolean; readonly isPublic?: boolean } = {},
): ProbeResult {
  return { ok: false, detail: oneLine(detail), isSilent, ms: Math.round(ms), isPublic };
}

/** Whether this IP address is out in the internet, where frequent probes are unwelcome. `false` for anything else. */
export function isPublicAddress(address: string | undefined): boolean {
  if (address === undefined || !ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}
