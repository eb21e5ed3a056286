import { Injectable } from '@nestjs/common';
import { JobSettings } from '../../config/job-settings.js';
import type { Claim } from './change.js';
import { JobLeases } from './job-leases.js';

/** A job that this replica acts on now. */
export interface HeldJob {
  readonly claim: Claim;
  readonly sinceMs: number;
  readonly stop: AbortController;
  /** A cancel aborts it at once: only of a call, whose upstream cannot learn of it in another way. */
  readonly isCall: boolean;
  /** A cancel aborts it when the lease is renewed: a look that takes long, for a download may never end. */
  readonly isLongLook: boolean;
}

/** What this replica acts on now. Renews leases before they end, for submits, downloads and calls may take long. */
@Injectable()
export class HeldJobs {
  private readonly held = new Map<string, HeldJob>();
  private renewing: NodeJS.Timeout | null = null;

  constructor(
    private readonly leases: JobLeases,
    private readonly settings: JobSettings,
  ) {}

  get ids(): readonly string[] {
    return [...this.held.keys()];
  }

  get size(): number {
    return this.held.size;
  }

  /** Holds the job for as long as `use` runs. */
  async during<T>(
    claim: Claim,
    { isCall = false, isLongLook = false },
    use: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const stop = new AbortController();
    const job: HeldJob = { claim, sinceMs: performance.now(), stop, isCall, isLongLook };
    this.held.set(claim.id, job);
    this.renewing ??= setTimeout(() => void this.renew(), this.settings.renewMs).unref();
    try {
      return await use(stop.signal);
    } finally {
      if (this.held.get(claim.id) === job) this.held.delete(claim.id);
    }
  }

  /** Aborts the call of a job that is to be cancelled. */
  cancel(id: string): void {
    const job = this.held.get(id);
    if (job?.isCall === true) job.stop.abort();
  }

  /** Something happened to a job: if a call of it runs here, whether it is still wanted. */
  cancelIfWanted(id: string): void {
    if (this.held.get(id)?.isCall === true) void this.renew();
  }

  /** Aborts looks: others make them. Submits and calls finish. */
  stopLooks(): void {
    for (const { claim, stop } of this.held.values()) if ('fence' in claim) stop.abort();
  }

  private async renew(): Promise<void> {
    if (this.renewing !== null) clearTimeout(this.renewing);
    this.renewing = null;
    const nowMs = performance.now();
    const old = [...this.held.values()].filter(
      ({ sinceMs, isCall }) => isCall || nowMs - sinceMs >= this.settings.renewMs / 2,
    );
    if (old.length > 0) {
      // Without the database the leases end; what is found out is written if no other replica was quicker.
      const renewed = await this.leases.renew(old.map(({ claim }) => claim)).catch(() => []);
      for (const { id, cancel_wanted } of renewed) {
        const job = this.held.get(id);
        if (cancel_wanted && (job?.isCall === true || job?.isLongLook === true)) job.stop.abort();
      }
    }
    if (this.held.size > 0)
      this.renewing ??= setTimeout(() => void this.renew(), this.settings.renewMs).unref();
  }
}
