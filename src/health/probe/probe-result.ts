import ipaddr from 'ipaddr.js';
import { oneLine, type ProbeEvidence, type ProbeFailure } from '../evaluation/health-state.js';

/** The result of one probe, and how it was made. */
export interface ProbeResult extends Omit<ProbeEvidence, 'generation'> {
  /** How long the probe took. */
  readonly ms: number;
  /** Whether it reached a public address. */
  readonly isPublic: boolean;
  /** What may keep this replica alone from the worker; `null`: the result says something of the worker. */
  readonly ownFault: OwnFault | null;
  /** How many requests wait inside the server. Left out: it was not read, or is not shown. */
  readonly waiting?: number;
  /** Whether `asleep_when` shows that it is asleep. Left out: the worker has none, or it was not answered. */
  readonly isAsleep?: boolean;
}

/**
 * `settings`: an address rule or a secret of this replica forbids the probe. `network`: no connection was made, and nothing
 * at the worker's address refused it, so the way from this replica may be at fault.
 */
export type OwnFault = 'settings' | 'network';

export function succeeded(detail: string, ms: number, isPublic = false): ProbeResult {
  return { failure: null, detail: oneLine(detail), ms: Math.round(ms), isPublic, ownFault: null };
}

export function failed(
  failure: ProbeFailure,
  detail: string,
  ms: number,
  isPublic = false,
  ownFault: OwnFault | null = null,
): ProbeResult {
  return { failure, detail: oneLine(detail), ms: Math.round(ms), isPublic, ownFault };
}

/** Whether this IP address is public, where frequent probes are unwelcome. `false` for anything that is not an address. */
export function isPublicAddress(address: string | undefined): boolean {
  if (address === undefined || !ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}
