import { Injectable, Logger } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { WorkerCompiler } from '../calls/worker-compiler.js';
import { LiveWorkers } from '../live/live-workers.js';
import { ProbeHints } from '../live/probe-hints.js';
import { RegistrySync } from '../live/registry-sync.js';
import { isCallable, type Worker } from '../worker.js';
import { LONGEST_REASON, powerAfter, type PowerEvidence, type PowerState } from './power.js';

/** Writes what requests and probes show of workers that can sleep. This replica follows at once, the others by NOTIFY. */
@Injectable()
export class PowerNotes {
  private readonly logger = new Logger('Power');
  private readonly table: string;

  constructor(
    private readonly live: LiveWorkers,
    private readonly compiler: WorkerCompiler,
    private readonly database: Database,
    private readonly sync: RegistrySync,
    private readonly hints: ProbeHints,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".worker_power`;
  }

  /**
   * @param atMs when it was seen, by `performance.now()`: what was seen before the state began says nothing of it
   * @returns whether the worker can sleep
   */
  see(workerId: string, evidence: PowerEvidence, reason: string, atMs: number): boolean {
    const worker = this.live.worker(workerId);
    if (worker === undefined || worker.power === null || !isCallable(worker)) return false;
    const { state } = worker.power;
    const hasLook = (worker.call.power?.asleepWhen ?? null) !== null;
    const after = powerAfter(state, evidence, hasLook);
    if (after === state) return true;
    // Leases are known to the database alone: what one may be held on is not called awake before.
    if (evidence === 'refused') this.show(worker, after, reason);
    this.write(workerId, state, after, reason, performance.now() - atMs).catch((error: unknown) =>
      this.logger.debug(`power of worker ${workerId} not written: ${String(error)}`),
    );
    return true;
  }

  /** On this replica, until the row is read again. */
  show(worker: Worker, state: PowerState, reason: string): void {
    if (worker.power === null || this.live.worker(worker.id) === undefined) return;
    const power = { ...worker.power, state, reason, sinceMs: Date.now(), isFallingAsleep: false };
    this.live.overrideHealth(this.compiler.withPower(worker, power));
    if (state === 'awake') this.hints.requestProbe(worker.id);
  }

  /** A waking that was ordered by hand has no lease yet, and is left to its waker. */
  private async write(
    id: string,
    before: PowerState,
    after: PowerState,
    reason: string,
    agoMs: number,
  ): Promise<void> {
    await this.database.query(
      `UPDATE ${this.table} SET state = $3, reason = $4 WHERE worker_id = $1 AND state = $2 AND since <= now() - $5 * interval '1 ms'
         AND (lease_until <= now() OR lease_until IS NULL AND state <> 'waking')`,
      [id, before, after, reason.slice(0, LONGEST_REASON), agoMs],
    );
    // Another replica may have written more by now.
    await this.sync.reload([id]);
  }
}
