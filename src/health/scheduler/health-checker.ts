import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { setMaxListeners } from 'node:events';
import { HealthSettings } from '../../config/settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { DueProbeFinder, type ProbeGroup } from './due-probe-finder.js';
import { LocalProber } from './local-prober.js';
import { ProbeLeases } from './probe-leases.js';
import { ProbeRunner } from './probe-runner.js';

const TIMEOUT = 'health-checker';
/** So many times the concurrency at most, should the next due workers share no probe. */
const MOST_PER_PROBE = 4;

/**
 * The loop: every `tickMs` it claims due probes up to its concurrency and does not wait for them, so that a slow probe
 * delays no other. Sweeps never overlap.
 */
@Injectable()
export class HealthChecker implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Health');
  private readonly stopping = new AbortController();
  private readonly running = new Map<ProbeGroup, Promise<void>>();
  private sweeping: Promise<void> = Promise.resolve();
  private isSweeping = false;
  private mayBeMore = false;
  /** As the last claim found it: workers that share a probe fill one place. */
  private workersPerProbe = 1;
  private isInterrupted = false;
  private lastFault = '';

  constructor(
    private readonly finder: DueProbeFinder,
    private readonly round: ProbeRunner,
    private readonly memory: LocalProber,
    private readonly leases: ProbeLeases,
    private readonly schedules: SchedulerRegistry,
    private readonly connection: DatabaseConnection,
    private readonly settings: HealthSettings,
  ) {}

  onApplicationBootstrap(): void {
    // Each running probe adds a listener and removes it afterwards.
    setMaxListeners(0, this.stopping.signal);
    this.connection.onConnected(() => this.sweepIn(0));
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    this.unschedule();
    await this.memory.stop();
    await this.sweeping;
    await Promise.all(this.running.values());
    // Leases that cannot be released expire.
    await this.leases.release().catch(() => {});
  }

  private sweepIn(delayMs: number): void {
    this.unschedule();
    if (this.stopping.signal.aborted) return;
    this.schedules.addTimeout(
      TIMEOUT,
      setTimeout(() => {
        this.sweeping = this.sweep();
      }, delayMs),
    );
  }

  private unschedule(): void {
    if (this.schedules.doesExist('timeout', TIMEOUT)) this.schedules.deleteTimeout(TIMEOUT);
  }

  private async sweep(): Promise<void> {
    this.isSweeping = true;
    try {
      await this.resume();
      await this.startDue();
    } catch (error) {
      this.interrupt(error);
    } finally {
      this.isSweeping = false;
      this.sweepIn(this.settings.tickMs);
    }
  }

  private async startDue(): Promise<void> {
    const places = this.settings.concurrency - this.running.size;
    if (places <= 0) return;
    const most = Math.ceil(places * this.workersPerProbe);
    const { groups, mayBeMore, workersPerProbe } = await this.finder.claim(most);
    this.mayBeMore = mayBeMore;
    if (mayBeMore) this.workersPerProbe = Math.min(workersPerProbe, MOST_PER_PROBE);
    for (const group of groups) this.running.set(group, this.probe(group));
  }

  private async probe(group: ProbeGroup): Promise<void> {
    try {
      await this.round.run(group, this.stopping.signal);
    } catch (error) {
      this.interrupt(error);
    } finally {
      this.running.delete(group);
      this.fillUp();
    }
  }

  /** With more probes due, the next sweep starts when half the concurrency is free again. */
  private fillUp(): void {
    if (!this.mayBeMore || this.isSweeping || this.running.size * 2 > this.settings.concurrency) return;
    this.mayBeMore = false;
    this.sweepIn(0);
  }

  /** After an interruption this replica still holds leases whose results could not be written. */
  private async resume(): Promise<void> {
    if (!this.isInterrupted) return;
    const busy = [...this.running.keys()].flatMap((group) => group.map(({ claim }) => claim.workerId));
    await this.leases.release(busy);
    this.leases.forgiveHeartbeatsUntil(performance.now());
    this.isInterrupted = false;
    await this.memory.handBack();
    this.logger.log('the database is back: probing by leases again');
  }

  /** Logs each fault once, not at every tick; the loop continues. */
  private interrupt(error: unknown): void {
    if (this.stopping.signal.aborted) return;
    if (!(error instanceof DatabaseUnavailableError)) {
      if (String(error) !== this.lastFault) this.logger.error(error);
      this.lastFault = String(error);
    } else if (!this.isInterrupted) {
      this.isInterrupted = true;
      this.memory.start();
      this.logger.warn('probing from memory until the database is back');
    }
  }
}
