import {
  DEFAULT_HEALTH_LIMITS,
  type HealthState,
  judgeHealth,
  type ProbeFailure,
  unknownHealth,
} from '../../src/health/evaluation/health-state.js';
import {
  type RecentEjections,
  limitEjection,
  NO_EJECTIONS,
} from '../../src/health/evaluation/ejection-limit.js';
import { nextProbeMs } from '../../src/health/evaluation/next-probe.js';
import type { Health } from '../../src/registry/worker.js';
import type { SimulatedWorker } from './simulated-worker.js';
import type { VirtualTime } from './virtual-time.js';

const INTERVAL_MS = 5000;
const INTERVALS = { intervalMs: INTERVAL_MS, fastIntervalMs: 1000, downIntervalMs: 10_000, jitter: 0.2 };
const EJECTION_LIMIT = { share: 0.3, intervalMs: INTERVAL_MS };
const HINT_MS = 5000;
const PROBE_TIMEOUT_MS = 2000;

/** The health checks of all replicas; each worker is probed by one of them. */
export class HealthChecks {
  readonly verdicts: { readonly atMs: number; readonly worker: number; readonly health: Health }[] = [];
  private readonly states: HealthState[];
  private readonly recentEjections: RecentEjections[];
  private readonly hintedMs: number[];
  private readonly cancelProbe: (() => void)[];

  constructor(
    private readonly workers: readonly SimulatedWorker[],
    private readonly replicas: number,
    private readonly time: VirtualTime,
    private readonly random: () => number,
    private readonly around: {
      readonly lastServedMs: (replica: number, worker: number) => number | null;
      readonly changed: () => void;
    },
  ) {
    this.states = workers.map(() => unknownHealth(1, 0));
    this.recentEjections = Array.from({ length: replicas }, () => NO_EJECTIONS);
    this.hintedMs = workers.map(() => -Infinity);
    this.cancelProbe = workers.map((_, worker) => time.after(random() * 100, () => this.probe(worker)));
  }

  healthOf(worker: number): Health {
    return this.states[worker]?.health ?? 'unknown';
  }

  /** Records that a request failed at this worker. */
  hint(worker: number): void {
    const nowMs = this.time.nowMs();
    if (nowMs - (this.hintedMs[worker] ?? 0) < HINT_MS) return;
    this.hintedMs[worker] = nowMs;
    this.cancelProbe[worker]?.();
    this.cancelProbe[worker] = this.time.after(0, () => this.probe(worker));
  }

  private probe(worker: number): void {
    const behaviour = this.workers[worker]?.behaviour;
    if (behaviour === undefined) return;
    const failure = failureOf(behaviour);
    const takesMs = failure === 'timeout' ? PROBE_TIMEOUT_MS : 5;
    this.cancelProbe[worker] = this.time.after(takesMs, () => this.judge(worker, failure));
  }

  private judge(worker: number, failure: ProbeFailure | null): void {
    const nowMs = this.time.nowMs();
    const prober = worker % this.replicas;
    const before = this.states[worker];
    if (before === undefined) return;
    const evidence = { failure, detail: '', generation: 1 };
    const judged = judgeHealth(
      before,
      evidence,
      this.around.lastServedMs(prober, worker),
      DEFAULT_HEALTH_LIMITS,
      nowMs,
    );
    const after = this.limited(prober, before, judged, nowMs);
    this.states[worker] = after;
    const inMs = nextProbeMs(after, DEFAULT_HEALTH_LIMITS, INTERVALS, this.random(), nowMs);
    this.cancelProbe[worker] = this.time.after(inMs, () => this.probe(worker));
    if (after.health === before.health) return;
    this.verdicts.push({ atMs: nowMs, worker, health: after.health });
    this.around.changed();
  }

  private limited(prober: number, before: HealthState, judged: HealthState, nowMs: number): HealthState {
    const recent = this.recentEjections[prober] ?? NO_EJECTIONS;
    const result = limitEjection(recent, before, judged, this.workers.length, EJECTION_LIMIT, nowMs);
    this.recentEjections[prober] = result.recent;
    return result.state;
  }
}

function failureOf({ fault, probe, relativeLatency }: SimulatedWorker['behaviour']): ProbeFailure | null {
  if (fault === 'refused') return 'connection';
  if (probe !== 'good') return 'answer';
  return relativeLatency === Infinity ? 'timeout' : null;
}
