import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Caller } from '../access/caller.js';
import { checkOwns } from '../access/worker-rights.js';
import { WorkerQueries } from '../registry/worker-queries.js';
import { WorkerCompiler } from '../registry/calls/worker-compiler.js';
import type { WorkerEntity } from '../registry/worker.entity.js';
import { ProbeLeases } from './scheduler/probe-leases.js';
import { ProbePlans } from './probe/probe-plan.js';
import { ProbeRunner } from './scheduler/probe-runner.js';
import { Prober } from './probe/prober.js';
import { type ProbeResult, failed } from './probe/probe-result.js';

export interface Probed {
  /** The worker after the probe. */
  readonly row: WorkerEntity;
  readonly seen: ProbeResult;
}

/** Probes a worker on request, whatever its state; the result counts if this replica can claim the probe. */
@Injectable()
export class ProbeNow implements OnApplicationShutdown {
  private readonly stopping = new AbortController();

  constructor(
    private readonly leases: ProbeLeases,
    private readonly round: ProbeRunner,
    private readonly plans: ProbePlans,
    private readonly prober: Prober,
    private readonly compiler: WorkerCompiler,
    private readonly directory: WorkerQueries,
  ) {}

  onApplicationShutdown(): void {
    this.stopping.abort();
  }

  /** @throws ForbiddenError, WorkerNotFoundError, DatabaseUnavailableError */
  async probe(id: string, caller: Caller): Promise<Probed> {
    checkOwns(caller, await this.directory.get(id));
    // Claimed before the definition is read: a later change of it drops the claim.
    const claim = await this.leases.claimNow(id);
    const worker = this.compiler.compile(Object.assign(await this.directory.get(id), { version: '' }));
    const plan = this.plans.of(worker);
    const { signal } = this.stopping;
    const seen =
      claim !== null
        ? await this.round.run([{ worker, plan, claim }], signal)
        : 'fault' in plan
          ? null
          : await this.prober.probe(plan.target, signal);
    const fault = 'fault' in plan ? plan.fault : 'not probed';
    return { row: await this.directory.get(id), seen: seen ?? failed('answer', fault, 0) };
  }
}
