import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicaSettings } from '../config/settings.js';
import { DatabaseConnection } from '../database/database-connection.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import { Draining } from './draining.js';
import { type OtherReplica, ReplicaTable } from './replica-table.js';
import type { Running } from './replica.entity.js';
import { SettingsDrift } from './settings-drift.js';
import { LOOK_MS, Replicas } from './replicas.js';
import { PeriodicTask } from './periodic-task.js';
import { SharedSlots } from './slots/shared-slots.js';
import { SlotLeases } from './slots/slot-leases.js';

const HOUR_MS = 3_600_000;
/** The interval while a worker drains, and so the least time between two reports. */
const DRAINING_LOOK_MS = 500;
/** ± share of every pause, so that replicas do not run in step. */
const JITTER = 0.2;
const IDLE_LOOK_MS = 50;

/**
 * Reports that this replica is alive and reads which others are. It also reports which draining workers have no request
 * left here, and which workers have served requests.
 */
@Injectable()
export class ReplicaHeartbeat implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Replicas');
  private readonly rounds: PeriodicTask;
  private beatDueMs = -Infinity;
  private servedNotedMs = -Infinity;
  private unnoted: readonly string[] = [];
  private isDraining = false;
  private lastFault = '';

  constructor(
    private readonly replicas: Replicas,
    private readonly table: ReplicaTable,
    private readonly draining: Draining,
    private readonly slots: SlotLeases,
    private readonly sharedSlots: SharedSlots,
    private readonly activity: WorkerActivity,
    private readonly live: LiveWorkers,
    private readonly drift: SettingsDrift,
    private readonly connection: DatabaseConnection,
    private readonly settings: ReplicaSettings,
  ) {
    this.rounds = new PeriodicTask(() => this.turn());
    draining.onNews(() => this.rounds.runWithin(DRAINING_LOOK_MS));
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => this.rounds.runWithin(0));
  }

  /** Clients are disconnected by now; calls with `on_disconnect: finish` may still run and need this replica's slots. */
  async onApplicationShutdown(): Promise<void> {
    while (!this.activity.isIdle) await sleep(IDLE_LOOK_MS);
    await Promise.all([this.rounds.stop(), this.slots.stop(), this.sharedSlots.stop()]);
    // If this fails, the others notice the missing heartbeats.
    await this.table.leave(this.replicas.id).catch(() => {});
  }

  /** From now on this replica takes no new requests: the others get what does not run here of the concurrency limits. */
  drain(): void {
    this.isDraining = true;
    this.beatDueMs = -Infinity;
    this.rounds.runWithin(0);
  }

  @Interval(HOUR_MS)
  async purge(): Promise<void> {
    await this.table
      .purge()
      .catch((error: unknown) =>
        this.logger.debug(`replicas that are gone were not deleted: ${String(error)}`),
      );
  }

  private async turn(): Promise<number> {
    try {
      await this.look();
      await this.draining.finish();
      this.lastFault = '';
    } catch (error) {
      this.replicas.markInterrupted();
      this.report(error);
    }
    const pauseMs = this.draining.isAny || this.isDraining ? DRAINING_LOOK_MS : LOOK_MS;
    return Math.min(pauseMs, this.settings.heartbeatMs) * (1 + JITTER * (2 * Math.random() - 1));
  }

  private async look(): Promise<void> {
    const nowMs = performance.now();
    // What still runs here ends soon: each report frees what has ended.
    const isDue = this.isDraining || nowMs >= this.beatDueMs;
    const report = this.draining.report();
    if (!isDue && !report.isNews) {
      this.learn(await this.table.look(this.replicas.id));
      return;
    }
    if (this.isDraining) this.replicas.drain(this.rest());
    this.learn(
      await this.table.beat(this.replicas.id, {
        drained: report.drained,
        settings: this.drift.mine,
        draining: this.replicas.ownRunning,
      }),
    );
    this.draining.reported(report.drained);
    if (!isDue) return;
    this.beatDueMs = nowMs + this.settings.heartbeatMs * (1 - JITTER * Math.random());
    await this.sharedSlots.learn();
    await this.noteServed(nowMs);
  }

  private learn(others: readonly OtherReplica[]): void {
    this.drift.compare(others);
    this.replicas.update(others, performance.now());
  }

  private rest(): Running {
    const running = this.live
      .workers()
      .map(({ id }): [string, number] => [id, this.activity.of(id).inFlight]);
    return Object.fromEntries(running.filter(([, count]) => count > 0));
  }

  private async noteServed(nowMs: number): Promise<void> {
    const ids = [...this.unnoted, ...this.activity.servedSince(this.servedNotedMs)];
    this.unnoted = ids.length === 0 ? [] : await this.table.served(ids);
    this.servedNotedMs = nowMs;
  }

  private report(error: unknown): void {
    const fault = error instanceof Error ? error.message : String(error);
    if (fault === this.lastFault) return;
    this.lastFault = fault;
    if (error instanceof DatabaseUnavailableError) {
      this.logger.warn(
        `cannot read the other replicas, keeping the last known ${this.replicas.count}: ${fault}`,
      );
    } else this.logger.error(error);
  }
}
