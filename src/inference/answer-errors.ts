/** The upstream answered with a status that is no success. */
export class UpstreamStatusError extends Error {
  constructor(
    readonly status: number,
    /** The upstream's own `Retry-After`, if it sent one. */
    readonly retryAfter: string | undefined,
  ) {
    super(`the upstream answered ${status}`);
    this.name = 'UpstreamStatusError';
  }
}
