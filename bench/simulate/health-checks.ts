import {
  DEFAULT_HEALTH_LIMITS,
  type HealthState,
  judgeHealth,
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
const RHYTHM = { intervalMs: INTERVAL_MS, unsureIntervalMs: 1000, downIntervalMs: 30_000, jitter: 0.2 };
const BRAKE = { share: 0.3, intervalMs: INTERVAL_MS };
const HINT_MS = 5000;
const PROBE_TIMEOUT_MS = 2000;

/** What the probers of all replicas say of the workers, each probed by one of them. */
export class HealthChecks {
  readonly verdicts: { readonly atMs: number; readonly worker: number; readonly health: Health }[] = [];
  private readonly states: HealthState[];
  private readonly brakes: RecentEjections[];
  private readonly hintedMs: number[];
  private readonly callOff: (() => void)[];

  constructor(
    private readonly upstreams: readonly SimulatedWorker[],
    private readonly replicas: number,
    private readonly time: VirtualTime,
    private readonly random: () => number,
    private readonly around: {
      readonly lastServedMs: (replica: number, worker: number) => number | null;
      readonly changed: () => void;
    },
  ) {
    this.states = upstreams.map(() => unknownHealth(1, 0));
    this.brakes = Array.from({ length: replicas }, () => NO_EJECTIONS);
    this.hintedMs = upstreams.map(() => -Infinity);
    this.callOff = upstreams.map((_, worker) => time.after(random() * 100, () => this.probe(worker)));
  }

  healthOf(worker: number): Health {
    return this.states[worker]?.health ?? 'unknown';
  }

  /** Somebody's request went wrong there. */
  hint(worker: number): void {
    const nowMs = this.time.nowMs();
    if (nowMs - (this.hintedMs[worker] ?? 0) < HINT_MS) return;
    this.hintedMs[worker] = nowMs;
    this.callOff[worker]?.();
    this.callOff[worker] = this.time.after(0, () => this.probe(worker));
  }

  private probe(worker: number): void {
    const conduct = this.upstreams[worker]?.behaviour;
    if (conduct === undefined) return;
    const isDead = conduct.fault === 'refused';
    const isSilent = !isDead && conduct.probe === 'good' && conduct.slowness === Infinity;
    const ok = !isDead && !isSilent && conduct.probe === 'good';
    this.callOff[worker] = this.time.after(isSilent ? PROBE_TIMEOUT_MS : 5, () =>
      this.judge(worker, ok, isSilent),
    );
  }

  private judge(worker: number, ok: boolean, isSilent: boolean): void {
    const nowMs = this.time.nowMs();
    const prober = worker % this.replicas;
    const before = this.states[worker];
    if (before === undefined) return;
    const evidence = { ok, detail: '', isSilent, generation: 1 };
    const judged = judgeHealth(
      before,
      evidence,
      this.around.lastServedMs(prober, worker),
      DEFAULT_HEALTH_LIMITS,
      nowMs,
    );
    const after = this.braked(prober, before, judged, nowMs);
    this.states[worker] = after;
    const inMs = nextProbeMs(after, DEFAULT_HEALTH_LIMITS, RHYTHM, this.random(), nowMs);
    this.callOff[worker] = this.time.after(inMs, () => this.probe(worker));
    if (after.health === before.health) return;
    this.verdicts.push({ atMs: nowMs, worker, health: after.health });
    this.around.changed();
  }

  private braked(prober: number, before: HealthState, judged: HealthState, nowMs: number): HealthState {
    const brake = this.brakes[prober] ?? NO_EJECTIONS;
    const result = limitEjection(brake, before, judged, this.upstreams.length, BRAKE, nowMs);
    this.brakes[prober] = result.brake;
    return result.state;
  }
}
