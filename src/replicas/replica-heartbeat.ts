import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ReplicaSettings } from '../config/settings.js';
import { DatabaseConnection } from '../database/database-connection.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { Notifications } from '../database/notifications.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import { Draining } from './draining.js';
import { Joining } from './joining.js';
import { type OtherReplica, REPLICA_CHANGED, ReplicaTable } from './replica-table.js';
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
/** While what runs here is written down, and a replica that joins waits for it. */
const COVERING_MS = 50;

/**
 * Reports that this replica is alive and reads which others are; one that joins learns here that it is known. It also reports which draining workers have no request
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
  private hasJoined = false;
  /** The others that this replica knows, as its row has it. */
  private acknowledged: readonly string[] = [];
  private isAcknowledgeDue = false;
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
    private readonly joining: Joining,
    notifications: Notifications,
    private readonly connection: DatabaseConnection,
    private readonly settings: ReplicaSettings,
  ) {
    this.rounds = new PeriodicTask(() => this.turn());
    draining.onNews(() => this.rounds.runWithin(DRAINING_LOOK_MS));
    notifications.subscribe(REPLICA_CHANGED, {
      onNotify: (id) => {
        if (id !== replicas.id) this.rounds.runWithin(0);
      },
    });
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => this.rounds.runWithin(0));
  }

  /** Clients are disconnected by now; calls with `on_disconnect: finish` may still run and need this replica's slots. */
  async onApplicationShutdown(): Promise<void> {
    while (!this.activity.isIdle) await sleep(IDLE_LOOK_MS);
    await Promise.all([this.rounds.stop(), this.joining.stop(), this.slots.stop(), this.sharedSlots.stop()]);
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
      if (this.hasJoined) await this.look();
      else await this.join();
      await this.acknowledge();
      await this.draining.finish();
      this.lastFault = '';
    } catch (error) {
      this.replicas.markInterrupted();
      // After a failover, what the last heartbeats wrote may be lost.
      this.beatDueMs = -Infinity;
      this.report(error);
    }
    return this.pauseMs();
  }

  private pauseMs(): number {
    if (this.isAcknowledgeDue) return COVERING_MS;
    const pauseMs = this.draining.isAny || this.isDraining ? DRAINING_LOOK_MS : LOOK_MS;
    return Math.min(pauseMs, this.settings.heartbeatMs) * (1 + JITTER * (2 * Math.random() - 1));
  }

  private async join(): Promise<void> {
    const others = await this.table.join(this.replicas.id, this.drift.mine);
    this.hasJoined = true;
    this.beatDueMs = performance.now() + this.settings.heartbeatMs * (1 - JITTER * Math.random());
    this.acknowledged = others.map(({ id }) => id);
    this.learn(others);
    if (others.length === 0) this.replicas.markSettled();
    else this.joining.begin();
  }

  /** Says by which others this replica divides the slots, once they can read of all that runs here beyond that. */
  private async acknowledge(): Promise<void> {
    const ids = this.replicas.othersIds;
    const isNews =
      ids.length !== this.acknowledged.length || ids.some((id) => !this.acknowledged.includes(id));
    this.isAcknowledgeDue = isNews && !(this.sharedSlots.isCovered && this.slots.isCovered);
    if (!isNews || this.isAcknowledgeDue) return;
    await this.table.acknowledge(this.replicas.id, ids);
    this.acknowledged = ids;
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
    const rest = this.replicas.ownRunning;
    if (this.isDraining) this.replicas.drain(this.rest());
    this.learn(
      await this.table.beat(this.replicas.id, {
        drained: report.drained,
        settings: this.drift.mine,
        draining: this.replicas.ownRunning,
        knows: this.acknowledged,
        settled: this.replicas.isSettled,
      }),
    );
    if (this.isDraining && !isDeepStrictEqual(rest, this.replicas.ownRunning))
      await this.table.announce(this.replicas.id);
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
