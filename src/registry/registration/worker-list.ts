import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { LiveWorkers } from '../live/live-workers.js';
import { WorkerCompiler } from '../calls/worker-compiler.js';
import type { ShownWorker } from '../worker-view.js';
import { WorkerRepository } from '../worker.repository.js';

/** A database that says nothing for so long is not there. */
const LONGEST_WAIT_MS = 2_000;

/** The workers that are not offline, oldest first: from the database while it is there, else as they were last seen. */
@Injectable()
export class WorkerList {
  constructor(
    private readonly repository: WorkerRepository,
    private readonly live: LiveWorkers,
    private readonly compiler: WorkerCompiler,
  ) {}

  /** @throws DatabaseUnavailableError when it never was there */
  async all(): Promise<readonly ShownWorker[]> {
    const answered = new AbortController();
    try {
      return await Promise.race([this.repository.list(), silence(answered.signal)]);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || this.live.lastLoadMs === null) throw error;
      return this.remembered();
    } finally {
      answered.abort();
    }
  }

  private remembered(): readonly ShownWorker[] {
    return this.live
      .workers()
      .flatMap((worker) => this.compiler.shownOf(worker) ?? [])
      .toSorted((a, b) => Number(a.created_at) - Number(b.created_at) || (a.id < b.id ? -1 : 1));
  }
}

async function silence(answered: AbortSignal): Promise<never> {
  await sleep(LONGEST_WAIT_MS, undefined, { signal: answered, ref: false }).catch(() => {});
  throw new DatabaseUnavailableError(new Error(`no answer within ${LONGEST_WAIT_MS} ms`));
}
