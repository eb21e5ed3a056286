import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { JobSettings } from '../../config/job-settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { Notifications } from '../../database/notifications.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { PeriodicTask } from '../../replicas/periodic-task.js';
import { Replicas } from '../../replicas/replicas.js';
import type { Change } from './change.js';
import { HeldJobs } from './held-jobs.js';
import { JobCalls } from './job-calls.js';
import { JobEnds } from './job-ends.js';
import { type ClaimedJob, JobLeases, type Pulse } from './job-leases.js';
import { JobLooks } from './job-looks.js';
import { JobRecorder } from './job-recorder.js';
import type { StartedJob } from './job-starts.js';
import { JobSubmits } from './job-submits.js';
import { LookPauses, LookSlots } from './look-limits.js';
import { QueuedStarts } from './queued-starts.js';
import { Waiting } from '../waiting.js';

/** After a turn that found no database. */
const AWAY_MS = 1_000;
/** Another replica is starting jobs of the same model. */
const BUSY_MS = 150;
/** What an operator must see before it is tried again. */
const FAULT_MS = 10_000;
/** A job in one of these states may start, or has left a place to another. */
const WAKING: ReadonlySet<string> = new Set([
  'queued',
  'unknown',
  'cancelling',
  'succeeded',
  'failed',
  'cancelled',
]);

/**
 * The loop of long work, one on each replica: starts queued jobs, looks at those that are due, sweeps. It sleeps until
 * something is due as far as it knows; a NOTIFY or an own change wakes it earlier. Submits and looks run beside it.
 */
@Injectable()
export class JobRunner implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger('Jobs');
  private readonly turns: PeriodicTask;
  private readonly running = new Set<Promise<void>>();
  private readonly looks = new LookSlots();
  private submits = 0;
  private sweepDueMs = -Infinity;
  private turnMs = -Infinity;
  /** The last turn claimed something. */
  private isBusy = false;
  private mayStart = true;
  private isStopping = false;
  private lastFault = '';

  constructor(
    private readonly leases: JobLeases,
    private readonly starts: QueuedStarts,
    private readonly submitter: JobSubmits,
    private readonly calls: JobCalls,
    private readonly looker: JobLooks,
    private readonly recorder: JobRecorder,
    private readonly ends: JobEnds,
    private readonly held: HeldJobs,
    private readonly pauses: LookPauses,
    private readonly waiting: Waiting,
    private readonly replicas: Replicas,
    private readonly connection: DatabaseConnection,
    private readonly settings: JobSettings,
    notifications: Notifications,
    live: LiveWorkers,
  ) {
    this.turns = new PeriodicTask(() => this.turn());
    notifications.subscribe('job_changed', {
      onNotify: (payload) => this.onNotify(payload),
      onListening: () => this.wake(),
    });
    live.onChange(() => this.wake());
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => this.wake());
  }

  /** While clients are still served: other replicas take over what runs, at once. Without another, clients that wait need this one. */
  async beforeApplicationShutdown(): Promise<void> {
    if (this.replicas.count > 1) await this.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  /** A job was queued, or a place became free. */
  wake(): void {
    this.mayStart = true;
    this.soon();
  }

  /** A job is to be cancelled. */
  cancelled(id: string): void {
    this.held.cancel(id);
    this.soon();
  }

  /** At once, unless a turn was only just made: many notifications cause few turns. */
  private soon(): void {
    this.turns.runWithin(Math.max(0, this.turnMs + this.settings.gatherMs - performance.now()));
  }

  /** Submits and calls under way finish: no other replica could know their results. Looks are broken off. */
  private async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    await this.turns.stop();
    this.held.stopLooks();
    await Promise.all(this.running);
    await this.recorder.stop();
    // Leases that cannot be released expire.
    await this.leases.release().catch(() => {});
  }

  private onNotify(payload: string): void {
    const [id = '', state = ''] = payload.split(' ');
    this.held.cancelIfWanted(id);
    if (WAKING.has(state)) this.wake();
  }

  private async turn(): Promise<number | null> {
    if (this.isStopping) return null;
    this.turnMs = performance.now();
    try {
      // A busy replica needs no question: it claims.
      const pulse = this.isBusy ? null : await this.leases.pulse(this.notLookedAt());
      await this.sweep(pulse);
      const startMs = pulse?.isQueued === false ? Infinity : await this.startQueued();
      const dueMs = await this.claimDue(pulse);
      this.lastFault = '';
      return Math.max(0, Math.min(startMs, dueMs, this.settings.idleMs));
    } catch (error) {
      return this.report(error);
    }
  }

  private async sweep(pulse: Pulse | null): Promise<void> {
    const nowMs = performance.now();
    if (nowMs < this.sweepDueMs) return;
    this.sweepDueMs = nowMs + this.settings.idleMs;
    this.mayStart = true;
    if (pulse !== null && !pulse.isQueued && !pulse.isOrphaned) return;
    for (const swept of await this.leases.sweep()) this.ends.changed(swept, null);
    this.waiting.changed(await this.leases.noteWorkerless());
  }

  /** @returns when to try again */
  private async startQueued(): Promise<number> {
    const room = this.settings.submitsAtOnce - this.submits;
    // The end of a submit starts another turn.
    if (!this.mayStart || room <= 0) return Infinity;
    this.mayStart = false;
    const { jobs, isBusy } = await this.starts.start(room);
    for (const job of jobs) this.follow(this.submit(job));
    if (!isBusy) return Infinity;
    this.mayStart = true;
    return BUSY_MS * (0.5 + Math.random());
  }

  private async submit(job: StartedJob): Promise<void> {
    this.submits += 1;
    const isCall = job.workerId === null;
    try {
      const recorded = await this.held.during({ id: job.id, submit: job.submit }, { isCall }, (signal) =>
        isCall ? this.calls.call(job, signal) : this.submitter.submit(job),
      );
      if (recorded !== null) this.ends.changed(recorded, job.workerId);
    } finally {
      this.submits -= 1;
      this.wake();
    }
  }

  /** @returns when the next is due */
  private async claimDue(pulse: Pulse | null): Promise<number> {
    const room = this.settings.looksAtOnce - this.looks.size;
    // The end of a look starts another turn.
    if (room <= 0) return Infinity;
    if (pulse !== null && (pulse.dueMs === null || pulse.dueMs > 0)) return pulse.dueMs ?? Infinity;
    const claimed = await this.leases.claim(room, this.notLookedAt());
    for (const job of claimed) this.follow(this.look(job));
    this.isBusy = claimed.length > 0;
    return this.settings.gatherMs;
  }

  private notLookedAt(): readonly string[] {
    return [...this.pauses.paused(), ...this.looks.full(this.settings.looksPerWorker)];
  }

  private async look(job: ClaimedJob): Promise<void> {
    const claim = { id: job.id, fence: job.fence };
    try {
      const recorded = await this.looks.during(job.workerId, () =>
        // A look that cancels is not aborted by the cancel.
        this.held.during(claim, { isLongLook: !job.cancelWanted }, async (signal) => {
          const change = await this.looker.look(job, signal);
          if (change === null) return null;
          this.turns.runWithin(Math.max(change.dueMs, this.settings.gatherMs));
          return this.recorder.record(claim, change, isFinal(change));
        }),
      );
      if (recorded !== null) this.ends.changed(recorded, job.workerId);
    } finally {
      this.turns.runWithin(this.settings.gatherMs);
    }
  }

  private follow(work: Promise<void>): void {
    const followed: Promise<void> = work
      .catch((error: unknown) => void this.report(error))
      .finally(() => this.running.delete(followed));
    this.running.add(followed);
  }

  /** Logs each fault once, not at every turn. @returns the pause before the next turn */
  private report(error: unknown): number {
    const isAway = error instanceof DatabaseUnavailableError;
    const fault = isAway ? 'the database is away' : String(error);
    if (fault !== this.lastFault) {
      if (isAway) this.logger.warn('jobs wait until the database is back');
      else this.logger.error(error);
    }
    this.lastFault = fault;
    return isAway ? AWAY_MS * (0.5 + Math.random()) : FAULT_MS;
  }
}

function isFinal({ state }: Change): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}
