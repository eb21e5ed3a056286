import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnSetting } from '../registry/worker.js';
import { OwnSettings, type Refusal } from './own-settings.js';
import { ReplicaFaults } from './scheduler/replica-faults.js';

const LOOK_MS = 2_000;
/** While it is held back, the log repeats the reason. */
const LOG_INTERVAL_MS = 60_000;

/** Also for `/readyz`, which is open to everyone: it names settings, and no values and workers. */
const FAULTS: Readonly<Record<OwnSetting, string>> = {
  addresses: 'UPSTREAM_ALLOW_CIDRS, UPSTREAM_DENY_CIDRS or UPSTREAM_ALLOW_LOOPBACK refuses the address',
  keys: 'CREDENTIALS_KEYS lacks the key of the credentials',
  secrets: 'a secret is missing (WORKER_SECRET_<name> or SECRETS_DIR)',
};

/**
 * Holds a replica back from its first readiness while its own settings keep it from every enabled worker and another live
 * replica can call them: a rollout of a wrong setting stops at its first pod. Where no other replica can, holding back gains nothing.
 */
@Injectable()
export class StartCheck implements OnApplicationShutdown {
  private readonly logger = new Logger('Health');
  private readonly stopping = new AbortController();
  private isPassed = false;
  private heldFor: string | null = null;
  private looking: Promise<void> | null = null;
  private loggedMs = -Infinity;

  constructor(
    private readonly settings: OwnSettings,
    private readonly faults: ReplicaFaults,
  ) {}

  /** Why it has not passed; `null`: that is not known yet. */
  get reason(): string | null {
    return this.heldFor;
  }

  /** Once true, always true. The first call begins to find out. */
  hasPassed(): boolean {
    if (!this.isPassed && this.looking === null) {
      if (this.settings.allowsOne) this.isPassed = true;
      else this.looking = this.look();
    }
    return this.isPassed;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.looking;
  }

  private async look(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      // What keeps it from being known, such as a database that is away, ends.
      this.isPassed = await this.isFine().catch(() => false);
      if (this.isPassed) return;
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  private async isFine(): Promise<boolean> {
    const refusals = await this.settings.refusals();
    const othersCan = refusals.length === 0 ? false : await this.faults.canOthersCall(refusals);
    if (othersCan === null) return false;
    if (othersCan) this.hold(refusals);
    else if (this.heldFor !== null)
      this.logger.log(
        refusals.length === 0
          ? 'ready: the settings of this replica allow calls again'
          : 'ready, although its settings allow no call: no other live replica can call the workers either',
      );
    return !othersCan;
  }

  private hold(refusals: readonly Refusal[]): void {
    this.heldFor = describeRefusals(refusals);
    const nowMs = performance.now();
    const [first] = refusals;
    if (first === undefined || nowMs - this.loggedMs < LOG_INTERVAL_MS) return;
    this.loggedMs = nowMs;
    const { worker, reason } = first;
    this.logger.error(
      `not ready: ${this.heldFor}. Such as ${worker.modelName} (worker ${worker.id}): ${reason}. The table replica_fault lists all`,
    );
  }
}

/** Pure. Such as `this replica can call none of the 7 enabled workers, and others can: CREDENTIALS_KEYS lacks … (7 workers)`. */
export function describeRefusals(refusals: readonly Pick<Refusal, 'setting'>[]): string {
  const counts = new Map<OwnSetting, number>();
  for (const { setting } of refusals) counts.set(setting, (counts.get(setting) ?? 0) + 1);
  const faults = [...counts].map(([setting, count]) => `${FAULTS[setting]} (workers: ${count})`).join('; ');
  return `this replica can call none of ${refusals.length} enabled worker(s), and another replica can: ${faults}`;
}
