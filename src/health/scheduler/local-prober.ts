import { Injectable, Logger } from '@nestjs/common';
import { HealthSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { WorkerCompiler } from '../../registry/calls/worker-compiler.js';
import { RegistrySync } from '../../registry/live/registry-sync.js';
import type { Worker } from '../../registry/worker.js';
import { type HealthState, unknownHealth } from '../evaluation/health-state.js';
import { groupByProbe, type Planned, ProbePlans, sharedBy } from '../probe/probe-plan.js';
import { Prober } from '../probe/prober.js';
import { isProbed, HealthEvaluator } from './health-evaluator.js';

type Group = readonly [Planned, ...Planned[]];

interface Remembered {
  readonly state: HealthState;
  readonly dueMs: number;
}

/**
 * Probes from memory while the database is away: every replica probes the workers it routes to, by the same plans and
 * rules. Verdicts stay in its own snapshot; afterwards the table decides again.
 */
@Injectable()
export class LocalProber {
  private readonly logger = new Logger('Health');
  private readonly remembered = new Map<string, Remembered>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly believed = new Set<string>();
  private stopping: AbortController | null = null;
  private ticking: NodeJS.Timeout | null = null;

  constructor(
    private readonly live: LiveWorkers,
    private readonly plans: ProbePlans,
    private readonly prober: Prober,
    private readonly verdicts: HealthEvaluator,
    private readonly compiler: WorkerCompiler,
    private readonly sync: RegistrySync,
    private readonly settings: HealthSettings,
  ) {}

  start(): void {
    if (this.stopping !== null) return;
    this.stopping = new AbortController();
    this.tick(this.stopping.signal);
  }

  /** Aborts running probes and forgets their results. */
  async stop(): Promise<void> {
    if (this.ticking !== null) clearTimeout(this.ticking);
    this.stopping?.abort();
    this.stopping = null;
    await Promise.all(this.running.values());
    this.remembered.clear();
  }

  /** Stops, and reloads the table's verdicts into the snapshot. */
  async handBack(): Promise<void> {
    await this.stop();
    const ids = [...this.believed];
    this.believed.clear();
    // If this fails, the next resync reads them.
    if (ids.length > 0) await this.sync.reload(ids).catch(() => {});
  }

  private tick(stop: AbortSignal): void {
    const nowMs = performance.now();
    const planned = this.live
      .workers()
      .filter(isProbed)
      .map((worker) => ({ worker, plan: this.plans.of(worker) }));
    for (const group of groupByProbe(planned)) {
      const key = keyOf(group);
      if (this.running.size >= this.settings.concurrency) break;
      if (this.running.has(key) || !this.isDue(group, nowMs)) continue;
      this.running.set(
        key,
        this.probe(group, stop).finally(() => this.running.delete(key)),
      );
    }
    this.ticking = setTimeout(() => this.tick(stop), this.settings.tickMs);
  }

  private isDue(group: Group, nowMs: number): boolean {
    return group.some(({ worker }) => this.recall(worker, nowMs).dueMs <= nowMs);
  }

  /** Before the first probe, the last verdict of the table. First probes are spread over an interval. */
  private recall(worker: Worker, nowMs: number): Remembered {
    const known = this.remembered.get(worker.id);
    if (known?.state.generation === worker.generation) return known;
    const state = { ...unknownHealth(worker.generation, nowMs), health: worker.health };
    const fresh = { state, dueMs: nowMs + Math.random() * this.settings.intervalMs };
    this.remembered.set(worker.id, fresh);
    return fresh;
  }

  private async probe(group: Group, stop: AbortSignal): Promise<void> {
    const [{ plan }] = group;
    const seen = 'fault' in plan ? null : await this.prober.probe(plan.target, stop);
    if (stop.aborted) return;
    const nowMs = performance.now();
    const chance = Math.random();
    for (const planned of group) {
      const { id } = planned.worker;
      const state = this.verdicts.evaluate(
        planned,
        this.recall(planned.worker, nowMs).state,
        seen,
        null,
        nowMs,
      );
      const inMs = this.verdicts.nextProbeMs(planned, state, seen, chance, nowMs);
      this.remembered.set(id, { state, dueMs: nowMs + inMs });
      this.overrideHealth(planned.worker, state);
    }
  }

  private overrideHealth({ id, modelName, generation }: Worker, { health, reason }: HealthState): void {
    const current = this.live.worker(id);
    if (current === undefined || current.generation !== generation || current.health === health) return;
    this.live.overrideHealth(this.compiler.withHealth(current, health, reason));
    this.believed.add(id);
    this.logger.warn(`${modelName} (worker ${id}) counts as ${health} on this replica: ${reason}`);
  }
}

function keyOf(group: Group): string {
  return sharedBy(group[0]) ?? group[0].worker.id;
}
