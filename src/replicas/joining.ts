import { Injectable, Logger } from '@nestjs/common';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { RegistrySync } from '../registry/live/registry-sync.js';
import { PeriodicTask } from './periodic-task.js';
import { isNoticed, type Witness } from './replica-membership.js';
import { LOOK_MS, Replicas, SETTLE_MS } from './replicas.js';
import { DemandTable } from './slots/demand-table.js';
import { SharedSlots } from './slots/shared-slots.js';

/** The others acknowledge within some 20 ms of the NOTIFY. */
const STEP_MS = 30;

/**
 * Brings a replica that joins others to where it may use slots: once each of the others knows of it, and it has a row for each
 * model of which they may use more than their even share.
 */
@Injectable()
export class Joining {
  private readonly logger = new Logger('Replicas');
  private readonly rounds = new PeriodicTask(() => this.round());
  private beganMs = Infinity;
  private isLate = false;
  private reloaded: ReadonlySet<string> = new Set();

  constructor(
    private readonly replicas: Replicas,
    private readonly table: DemandTable,
    private readonly slots: SharedSlots,
    private readonly live: LiveWorkers,
    private readonly sync: RegistrySync,
  ) {}

  begin(): void {
    this.beganMs = performance.now();
    this.rounds.runWithin(0);
  }

  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async round(): Promise<number | null> {
    try {
      if (await this.hasSettled()) return null;
    } catch (error) {
      this.logger.debug(`not settled yet: ${String(error)}`);
    }
    const isLate = this.sinceMs >= 2 * SETTLE_MS;
    if (isLate && !this.isLate)
      this.logger.warn(
        'not ready: another replica, which is connected to the database, has not noticed this one yet. It may be paused, and counts as dead 15 s after its last heartbeat',
      );
    this.isLate = isLate;
    return isLate ? LOOK_MS : STEP_MS;
  }

  private isNoticedBy(witnesses: readonly Witness[]): boolean {
    return isNoticed(witnesses, this.sinceMs, SETTLE_MS);
  }

  private get sinceMs(): number {
    return performance.now() - this.beganMs;
  }

  private async hasSettled(): Promise<boolean> {
    if (!this.replicas.isNoticed) {
      if (!this.isNoticedBy(await this.table.witnesses())) return false;
      this.replicas.markNoticed();
    }
    // What the rows of the others are about must be known.
    if (this.live.lastLoadMs === null) return false;
    const missing = await this.table.settle((witnesses) => this.isNoticedBy(witnesses), [...this.reloaded]);
    if (missing === 'none') {
      this.replicas.markSettled();
      return true;
    }
    if (missing === 'unnoticed') return false;
    for (const { model, workerIds } of missing) {
      if (this.live.model(model) === undefined) {
        await this.sync.reload(workerIds);
        this.reloaded = new Set([...this.reloaded, model]);
      }
      this.slots.contend(model);
    }
    return false;
  }
}
