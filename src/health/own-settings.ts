import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import { SecretMissingError } from '../credentials/worker-secrets.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { inSlices } from '../registry/live/slices.js';
import { isCallable, type OwnSetting, type Worker } from '../registry/worker.js';
import { ForbiddenUpstreamError } from '../upstream/upstream-errors.js';
import { UpstreamGuard } from '../upstream/upstream-guard.js';

/** A worker that the settings of this replica keep it from calling. */
export interface Refusal {
  readonly worker: Worker;
  readonly setting: OwnSetting;
  readonly reason: string;
}

/** Host names that are resolved at once. */
const LOOKUPS = 16;
/** Workers that are looked at in one turn before any is known that can be called. */
const AT_ONCE = 100;

/** Compares the workers with the settings of this replica: its address rules, keys and secrets. */
@Injectable()
export class OwnSettings {
  constructor(
    private readonly live: LiveWorkers,
    private readonly guard: UpstreamGuard,
  ) {}

  /** Without DNS: a host name may still resolve to an address that is refused. */
  refusalOf(worker: Worker): Refusal | null {
    if ('fault' in worker.call) {
      const { setting, fault: reason } = worker.call;
      return setting === null ? null : { worker, setting, reason };
    }
    try {
      worker.call.requireSecrets();
      return null;
    } catch (error) {
      if (!(error instanceof SecretMissingError)) throw error;
      return { worker, setting: 'secrets', reason: error.message };
    }
  }

  /** Whether a look at the first workers shows that nothing is wrong: one can be called, or there is none. */
  get allowsOne(): boolean {
    const enabled = this.live.workers().filter(({ adminState }) => adminState === 'enabled');
    const isAllowed = (worker: Worker): boolean =>
      isCallable(worker) && isAddress(worker.call.origin) && this.refusalOf(worker) === null;
    return enabled.length === 0 || enabled.slice(0, AT_ONCE).some(isAllowed);
  }

  /** The enabled workers, if the settings keep this replica from calling every one of them; none otherwise. */
  async refusals(): Promise<readonly Refusal[]> {
    const refused: Refusal[] = [];
    const byOrigin = new Map<string, Worker[]>();
    await inSlices(this.live.workers(), (worker) => {
      if (worker.adminState !== 'enabled') return;
      const refusal = this.refusalOf(worker);
      if (refusal !== null) refused.push(refusal);
      else if (isCallable(worker)) {
        const others = byOrigin.get(worker.call.origin);
        if (others === undefined) byOrigin.set(worker.call.origin, [worker]);
        else others.push(worker);
      }
    });
    const origins = [...byOrigin.keys()];
    for (let from = 0; from < origins.length; from += LOOKUPS) {
      const slice = origins.slice(from, from + LOOKUPS);
      const faults = await Promise.all(slice.map((origin) => this.faultOf(origin)));
      for (const [at, reason] of faults.entries()) {
        if (reason === null) return [];
        const workers = byOrigin.get(slice[at] ?? '') ?? [];
        refused.push(...workers.map((worker): Refusal => ({ worker, setting: 'addresses', reason })));
      }
    }
    return refused;
  }

  private async faultOf(origin: string): Promise<string | null> {
    try {
      await this.guard.checkResolved(origin);
      return null;
    } catch (error) {
      if (!(error instanceof ForbiddenUpstreamError)) throw error;
      return error.message;
    }
  }
}

/** It needs no DNS. */
function isAddress(origin: string): boolean {
  return isIP(new URL(origin).hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
}
