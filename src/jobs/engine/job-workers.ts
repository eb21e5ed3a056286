import { Injectable } from '@nestjs/common';
import { WorkerCompiler } from '../../registry/calls/worker-compiler.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { isCallable, type Worker } from '../../registry/worker.js';
import { WorkerQueries } from '../../registry/worker-queries.js';

/** How long a worker that is offline is remembered: its row may change. */
const OFFLINE_MS = 5_000;

/** The workers of jobs. Those that are offline finish their jobs, and are not among the live ones. */
@Injectable()
export class JobWorkers {
  private readonly offline = new Map<string, { readonly worker: Worker | null; readonly untilMs: number }>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly queries: WorkerQueries,
    private readonly compiler: WorkerCompiler,
  ) {}

  /** The origin of a worker: its files may be there, whatever the network. None of one that is unknown or deleted. */
  async originsOf(id: string | null): Promise<ReadonlySet<string>> {
    const worker = id === null ? null : await this.of(id);
    return new Set(worker !== null && isCallable(worker) ? [worker.call.origin] : []);
  }

  /** `null`: it was deleted. @throws DatabaseUnavailableError */
  async of(id: string): Promise<Worker | null> {
    const live = this.live.worker(id);
    if (live !== undefined) return live;
    const nowMs = performance.now();
    const known = this.offline.get(id);
    if (known !== undefined && nowMs < known.untilMs) return known.worker;
    const row = await this.queries.findAny(id);
    const worker = row === undefined ? null : this.compiler.compile(row);
    for (const [other, { untilMs }] of this.offline) if (nowMs >= untilMs) this.offline.delete(other);
    this.offline.set(id, { worker, untilMs: nowMs + OFFLINE_MS });
    return worker;
  }
}
