import { Injectable } from '@nestjs/common';
import { ReplicaIdentity } from '../database/replica-identity.js';
import { Readiness } from '../health/readiness.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { isCallable, type Worker } from '../registry/worker.js';
import { quantileMs } from '../telemetry/first-tokens.js';
import { OverviewTable, type OverviewRows, type ReplicaLoad } from './overview-table.js';
import type { OverviewDto } from './overview.dto.js';
import { MINUTE_MS } from './traffic-sums.js';
import { TrafficWriter } from './traffic-writer.js';
import { add, type Counts, noCounts } from './traffic.js';

const MINUTES = 60;
const STATES = 'healthy warming suspect unhealthy ejected unknown draining disabled offline'.split(' ');

interface Read {
  readonly overview: OverviewDto;
  /** Ids of the workers that are ejected somewhere. */
  readonly ejected: ReadonlySet<string>;
}

/** Adds up what the replicas say of themselves. */
@Injectable()
export class OverviewReport {
  private reading: Promise<Read> | null = null;

  constructor(
    private readonly table: OverviewTable,
    private readonly writer: TrafficWriter,
    private readonly live: LiveWorkers,
    private readonly readiness: Readiness,
    private readonly identity: ReplicaIdentity,
  ) {}

  /** @throws DatabaseUnavailableError */
  async read(): Promise<OverviewDto> {
    return (await this.readAll()).overview;
  }

  /** Readers at the same time share one read. @throws DatabaseUnavailableError */
  readAll(): Promise<Read> {
    this.reading ??= this.compose().finally(() => (this.reading = null));
    return this.reading;
  }

  private async compose(): Promise<Read> {
    const rows = await this.table.read();
    // Of this replica, what is true now.
    const others = rows.replicas.filter(({ id }) => id !== this.identity.id).map(({ load }) => load);
    const loads = [this.writer.load(), ...others];
    const replicas = rows.replicas.map(({ host, seen_at }) => ({ host, seen_at: new Date(seen_at) }));
    const now = nowOf(loads);
    const nowMs = Date.now();
    const overview = {
      at: new Date(nowMs),
      ...fleetOf(this.live.workers(), rows.ejected, Math.max(1, replicas.length), rows.offline),
      running: now.running,
      waiting: now.waiting,
      minute: {
        requests: now.minute.requests,
        failed: now.minute.failed,
        saved_by_retry: now.minute.savedByRetry,
        ttft_p50_ms: quantileMs(now.minute.firstTokens, 0.5),
        ttft_p95_ms: quantileMs(now.minute.firstTokens, 0.95),
      },
      hour: hourOf(rows.minutes, now, nowMs),
      replicas,
      registry_age_s: this.readiness.registryAgeS(nowMs),
    };
    return { overview, ejected: new Set(Object.keys(rows.ejected)) };
  }
}

type Fleet = Pick<OverviewDto, 'workers' | 'taking' | 'may_run'>;

/** @param ejected at how many of the live replicas, by worker */
export function fleetOf(
  workers: readonly Worker[],
  ejected: OverviewRows['ejected'],
  replicas: number,
  offline: number,
): Fleet {
  const counts = new Map(STATES.map((state) => [state, 0]));
  let [taking, mayRun] = [0, 0];
  for (const worker of workers) {
    const { adminState, health, id } = worker;
    const at = ejected[id] ?? 0;
    const state =
      adminState !== 'enabled' ? adminState : health === 'unhealthy' ? health : at > 0 ? 'ejected' : health;
    counts.set(state, (counts.get(state) ?? 0) + 1);
    if (adminState !== 'enabled' || health === 'unhealthy' || at >= replicas || !isCallable(worker)) continue;
    taking += 1;
    mayRun += worker.maxConcurrency;
  }
  // Those that are offline are not in memory.
  return { workers: { ...Object.fromEntries(counts), offline }, taking, may_run: mayRun };
}

interface Now {
  readonly running: number;
  readonly waiting: OverviewDto['waiting'];
  readonly minute: Counts;
}

function nowOf(loads: readonly Partial<Omit<ReplicaLoad, 'running'>>[]): Now {
  const minute = noCounts();
  const byModel = new Map<string, number>();
  let [running, total, oldest] = [0, 0, 0];
  for (const load of loads) {
    running += load.total ?? 0;
    if (load.minute !== undefined) add(minute, load.minute);
    for (const [model, [count, longestMs]] of Object.entries(load.waiting ?? {})) {
      byModel.set(model, (byModel.get(model) ?? 0) + count);
      total += count;
      oldest = Math.max(oldest, longestMs);
    }
  }
  const waiting = { total, oldest_ms: total === 0 ? null : oldest, by_model: Object.fromEntries(byModel) };
  return { running, waiting, minute };
}

/** 59 whole minutes, and the last one as it is now. */
export function hourOf(minutes: OverviewRows['minutes'], now: Now, nowMs: number): OverviewDto['hour'] {
  const sums = Array.from({ length: MINUTES }, () => ({ counts: noCounts(), running: 0, waiting: 0 }));
  const current = Math.floor(nowMs / MINUTE_MS);
  for (const { minute, requests, failed, first_tokens, running, waiting } of minutes) {
    // The minute before this one is the last whole one; this one's place is for the last 60 s.
    const sum = sums[minute - current + MINUTES - 1];
    if (sum === undefined || minute === current) continue;
    add(sum.counts, { requests, failed, savedByRetry: 0, firstTokens: [...first_tokens] });
    sum.running += running;
    sum.waiting += waiting;
  }
  sums[MINUTES - 1] = { counts: now.minute, running: now.running, waiting: now.waiting.total };
  return {
    requests: sums.map(({ counts }) => counts.requests),
    failed: sums.map(({ counts }) => counts.failed),
    ttft_p50_ms: sums.map(({ counts }) => quantileMs(counts.firstTokens, 0.5)),
    running: sums.map(({ running }) => tenths(running)),
    waiting: sums.map(({ waiting }) => tenths(waiting)),
  };
}

function tenths(mean: number): number {
  return Math.round(10 * mean) / 10;
}
