import ipaddr from 'ipaddr.js';
import { oneLine, type ProbeEvidence, type ProbeFailure } from '../evaluation/health-state.js';

/** The result of one probe, and how it was made. */
export interface ProbeResult extends Omit<ProbeEvidence, 'generation'> {
  /** How long the probe took. */
  readonly ms: number;
  /** Whether it reached a public address. */
  readonly isPublic: boolean;
  /** It was never made: an address rule or a secret of this replica forbids it, and another replica may be able to. */
  readonly isOfReplica: boolean;
}

export function succeeded(detail: string, ms: number, isPublic = false): ProbeResult {
  return { failure: null, detail: oneLine(detail), ms: Math.round(ms), isPublic, isOfReplica: false };
}

export function failed(
  failure: ProbeFailure,
  detail: string,
  ms: number,
  isPublic = false,
  isOfReplica = false,
): ProbeResult {
  return { failure, detail: oneLine(detail), ms: Math.round(ms), isPublic, isOfReplica };
}

/** Whether this IP address is public, where frequent probes are unwelcome. `false` for anything that is not an address. */
export function isPublicAddress(address: string | undefined): boolean {
  if (address === undefined || !ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}
