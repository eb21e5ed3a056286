import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { RegistrySync } from '../registry/live/registry-sync.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import { type PowerCalls, usualWakeMsOf } from '../registry/power/power.js';
import { isCallable, type Worker } from '../registry/worker.js';
import { PeriodicTask } from '../replicas/periodic-task.js';
import type { Counter } from '../telemetry/families.js';
import { Metrics } from '../telemetry/metrics.js';
import { UpstreamClient } from '../upstream/upstream-client.js';
import { fallAsleep, type FallingAsleep } from './falling-asleep.js';
import { type SleepCandidate, type SleepClaim, SleepLeases } from './sleep-leases.js';
import { recordWaking } from './waking.js';
import { sleepsAfterMs } from './worth-waking.js';

const TICK_MS = 1_000;
/** Between two writes of what is used all the time. */
const NOTE_MS = 5_000;
/** Between two claims that found nothing: most workers that are unused here are used by another replica. */
const CLAIM_MS = 2_000;
/** After the database was away: until all replicas have written what they used meanwhile. */
const SETTLE_MS = 15_000;

type CanSleep = Worker & { readonly power: NonNullable<Worker['power']> };

/** Sends workers with `sleep` to sleep that no replica has used for long enough. Without such a worker it does nothing. */
@Injectable()
export class Sleeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Power');
  private readonly stopping = new AbortController();
  private readonly ticks = new PeriodicTask(() => this.tick());
  private readonly running = new Map<string, Promise<void>>();
  private readonly sleeps: Counter<'result'>;
  /** When the use of a worker was last written; by `performance.now()`, as all times here. */
  private readonly notedMs = new Map<string, number>();
  private unnoted: readonly string[] = [];
  private claimAtMs = -Infinity;

  constructor(
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly leases: SleepLeases,
    private readonly sync: RegistrySync,
    private readonly client: UpstreamClient,
    metrics: Metrics,
  ) {
    this.sleeps = metrics.counter(
      'mmm_sleeps_total',
      'Attempts of this replica to send a worker to sleep, by result (ok, failed, lost: a request or something else came first).',
      ['result'],
    );
  }

  onApplicationBootstrap(): void {
    this.ticks.runWithin(TICK_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.ticks.stop();
    await Promise.all(this.running.values());
  }

  private async tick(): Promise<number> {
    const all = this.live.workers().filter(canSleep);
    try {
      if (all.length > 0) {
        await this.noteUse(all.filter(({ power }) => power.state === 'awake'));
        await this.claim(all);
        await this.forgetDead(all);
      } else this.notedMs.clear();
    } catch (error) {
      this.claimAtMs = performance.now() + SETTLE_MS;
      if (!(error instanceof DatabaseUnavailableError)) this.logger.error(error);
    }
    return TICK_MS;
  }

  /** The first use after a while is written at once, and with it that of all others that are in use. */
  private async noteUse(awake: readonly CanSleep[]): Promise<void> {
    const nowMs = performance.now();
    const used = awake.filter(({ id }) => {
      const usedMs = this.activity.lastUsedMs(id);
      return usedMs !== null && usedMs > (this.notedMs.get(id) ?? -Infinity);
    });
    const isDue = used.some(({ id }) => nowMs - (this.notedMs.get(id) ?? -Infinity) >= NOTE_MS);
    if (!isDue && this.unnoted.length === 0) return;
    const ids = [...new Set([...this.unnoted, ...used.map(({ id }) => id)])];
    this.unnoted = await this.leases.used(ids);
    for (const id of ids) this.notedMs.set(id, nowMs);
  }

  private async claim(all: readonly CanSleep[]): Promise<void> {
    const nowMs = performance.now();
    if (nowMs < this.claimAtMs) return;
    const candidates = all.flatMap((worker) => this.candidate(worker, nowMs) ?? []);
    if (candidates.length === 0) return;
    const claimed = await this.leases.claim(candidates);
    if (claimed === null) this.claimAtMs = nowMs + CLAIM_MS;
    else this.begin(claimed);
  }

  /** What is used here is no candidate, whatever the table says. */
  private candidate(worker: CanSleep, nowMs: number): SleepCandidate | null {
    const { id, power, adminState, health } = worker;
    const afterMs = powerCallsOf(worker)?.sleep?.afterMs;
    const isInUse = adminState === 'enabled' && health !== 'unhealthy' && power.state === 'awake';
    if (!isInUse || afterMs === undefined || this.running.has(id)) return null;
    const unusedMs = sleepsAfterMs(afterMs, usualWakeMsOf(power));
    return nowMs - (this.activity.lastUsedMs(id) ?? -Infinity) >= unusedMs ? { id, unusedMs } : null;
  }

  private async forgetDead(all: readonly CanSleep[]): Promise<void> {
    const ids = all
      .filter(({ id, power }) => power.isFallingAsleep && !this.running.has(id))
      .map(({ id }) => id);
    if (ids.length > 0) await this.leases.forget(ids);
  }

  private begin(claim: SleepClaim): void {
    const run = this.send(claim)
      .catch((error: unknown) => this.logger.error(error))
      .finally(() => this.running.delete(claim.workerId));
    this.running.set(claim.workerId, run);
  }

  private async send(claim: SleepClaim): Promise<void> {
    const { workerId: id } = claim;
    await this.sync.reload([id]).catch(() => {});
    const worker = this.live.worker(id);
    const power = worker === undefined ? null : powerCallsOf(worker);
    const stop = this.stopping.signal;
    const fell: FallingAsleep =
      worker === undefined || power === null
        ? { result: 'back', reason: 'its definition changed' }
        : await fallAsleep(claim, power, this.client, this.leases, stop);
    const { result, reason } = fell;
    this.sleeps.add({ result: result === 'ok' || result === 'failed' ? result : 'lost' });
    const what = `${worker?.modelName} (worker ${id})`;
    if (result === 'ok') this.logger.log(`${what} is asleep: ${worker?.power?.reason}`);
    else if (result === 'failed') this.logger.warn(`${what} could not be sent to sleep: ${reason}`);
    await recordWaking(() => this.record(claim, fell), stop);
    await this.sync.reload([id]).catch(() => {});
  }

  private record(claim: SleepClaim, { result, reason }: FallingAsleep): Promise<boolean> {
    switch (result) {
      case 'ok':
      case 'left':
        return this.leases.asleep(claim);
      case 'failed':
        return this.leases.failed(claim, `sending it to sleep failed because ${reason}`);
      case 'back':
        return this.leases.release(claim, reason);
      case 'lost':
        return Promise.resolve(false);
    }
  }
}

function powerCallsOf(worker: Worker): PowerCalls | null {
  return isCallable(worker) ? (worker.call.power ?? null) : null;
}

function canSleep(worker: Worker): worker is CanSleep {
  return worker.power !== null && (powerCallsOf(worker)?.sleep ?? null) !== null;
}
