import type { Refusal } from './address-rules.js';

const howToAllow = ({ setting }: Refusal): string => {
  switch (setting) {
    case null:
      return '';
    case 'UPSTREAM_DENY_CIDRS':
      return '; UPSTREAM_DENY_CIDRS says so';
    default:
      return `; ${setting} would allow it`;
  }
};

/** A worker's URL points where this service may not go. Carries no part of the URL but its host. */
export class ForbiddenUpstreamError extends Error {
  override readonly name = 'ForbiddenUpstreamError';
  /** What was refused: an address, a host or a scheme. */
  readonly address: string;
  readonly why: string;
  /** The setting that decides it; null where none does. */
  readonly setting: string | null;

  constructor(refusal: Refusal, host: string | null = null) {
    const { address, why, setting } = refusal;
    const named = host === null || host === address ? address : `${host} (${address})`;
    super(`an upstream may not be ${named}: ${why}${howToAllow(refusal)}`);
    this.address = address;
    this.why = why;
    this.setting = setting;
  }
}
