import { Injectable } from '@nestjs/common';
import { HealthSettings } from '../../config/settings.js';
import type { Worker } from '../../registry/worker.js';
import { Metrics } from '../../telemetry/metrics.js';
import type { HealthState } from '../evaluation/health-state.js';

/** What a probe saw holds until the third one after it is missing, or cannot read it. */
const HOLDS_FOR_INTERVALS = 3;

interface Seen {
  readonly model: string;
  readonly waiting: number;
  /** How many probes in a row saw requests wait. */
  readonly inRow: number;
  readonly untilMs: number;
}

/** What this replica's probes saw of the queues inside the servers of workers. Times are of `performance.now()`. */
@Injectable()
export class EngineQueues {
  /** By the id of the worker. */
  private readonly seen = new Map<string, Seen>();

  constructor(
    private readonly settings: HealthSettings,
    metrics: Metrics,
  ) {
    metrics.gaugeOf(
      'mmm_engine_waiting',
      'Requests that wait inside the server of a worker, as the last probe of this replica saw them.',
      ['model', 'worker'],
      () => this.readings(performance.now()),
    );
  }

  /**
   * @param waiting how many requests wait; undefined: the server does not show it
   * @param intervalMs of the worker's own probes; null: the setting's
   * @returns how many probes in a row saw requests wait, 0 where none can be known; null: not known of this probe alone
   */
  note(
    { id, modelName }: Worker,
    waiting: number | undefined,
    intervalMs: number | null,
    nowMs: number,
  ): number | null {
    const last = this.seen.get(id);
    if (waiting === undefined) {
      if (last !== undefined && last.untilMs >= nowMs) return null;
      this.seen.delete(id);
      return 0;
    }
    const inRow = waiting > 0 ? (last?.inRow ?? 0) + 1 : 0;
    const untilMs = nowMs + HOLDS_FOR_INTERVALS * (intervalMs ?? this.settings.intervalMs);
    this.seen.set(id, { model: modelName, waiting, inRow, untilMs });
    return inRow;
  }

  private *readings(nowMs: number): Generator<readonly [{ model: string; worker: string }, number], void> {
    for (const [worker, { model, waiting, untilMs }] of this.seen) {
      if (untilMs < nowMs) this.seen.delete(worker);
      else yield [{ model, worker }, waiting];
    }
  }
}

const WARNING = 'healthy, but requests wait inside the server';

/**
 * The state with a warning as its reason, once two probes in a row saw requests wait inside a healthy worker's server; it ends
 * with the first probe that sees none, or when none could be read for three intervals.
 * @param inRow as EngineQueues counts; null: the reason stays
 * @param detail what the last probe saw
 */
export function withQueueWarning(
  state: HealthState,
  inRow: number | null,
  detail: string,
  maxConcurrency: number,
): HealthState {
  if (state.health !== 'healthy' || inRow === null) return state;
  if (inRow >= 2)
    return {
      ...state,
      reason: `${WARNING}: max_concurrency (${maxConcurrency}) may be more than it runs at once`,
    };
  return inRow === 0 && state.reason.startsWith(WARNING) ? { ...state, reason: detail } : state;
}
