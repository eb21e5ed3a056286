import { Injectable } from '@nestjs/common';
import { HealthSettings } from '../../config/settings.js';
import type { Worker, WorkerFault } from '../../registry/worker.js';
import { planProbe, type ProbePlan } from './probe-plan.js';

/** A worker and how it is probed. */
export interface Planned {
  readonly worker: Worker;
  readonly plan: ProbePlan | WorkerFault;
}

/** Made once for each worker: it is replaced whole when it changes. */
@Injectable()
export class ProbePlans {
  private readonly made = new WeakMap<Worker, ProbePlan | WorkerFault>();

  constructor(private readonly settings: HealthSettings) {}

  of(worker: Worker): ProbePlan | WorkerFault {
    const known = this.made.get(worker);
    if (known !== undefined) return known;
    const plan = planProbe(worker, this.settings);
    this.made.set(worker, plan);
    return plan;
  }
}

/** Those that one probe answers for stand together: all that are asked the same at one origin. */
export function groupByProbe<T extends Planned>(all: readonly T[]): readonly (readonly [T, ...T[]])[] {
  const shared = new Map<string, [T, ...T[]]>();
  const alone: (readonly [T, ...T[]])[] = [];
  for (const one of all) {
    const key = sharedBy(one);
    const together = key === null ? undefined : shared.get(key);
    if (together !== undefined) together.push(one);
    else if (key !== null) shared.set(key, [one]);
    else alone.push([one]);
  }
  return [...alone, ...shared.values()];
}

export function sharedBy({ plan }: Planned): string | null {
  return 'fault' in plan ? null : plan.sharedBy;
}
