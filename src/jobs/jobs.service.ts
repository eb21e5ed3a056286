import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { NoWorkerAvailableError, UnknownModelError } from '../balancing/balancing-errors.js';
import { JobSettings } from '../config/job-settings.js';
import type { Actor } from '../database/database.js';
import { UUID } from '../input/page.dto.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { LiveWorkers, type Model } from '../registry/live/live-workers.js';
import { ModelLookup } from '../registry/live/model-lookup.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import { countReasons, unusableReason } from '../registry/unusable-worker.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { IdempotencyConflictError, InputsFullError, QueueFullError } from './job-errors.js';
import { type Job, type NewJob, newJobId } from './job.js';
import { hasEnded, jobOf, type JobRow } from './job-rows.js';
import { type FileContent, JobContents } from './files/job-contents.js';
import { JobRunner } from './engine/job-runner.js';
import { JobInserts } from './job-inserts.js';
import { JobTable, type ListFilter } from './job-table.js';
import { InputLinks } from './files/input-links.js';
import { splitInput } from './files/input-files.js';
import { isPollWorker, type PollWorker, pollWorkersOf, unsupportedReason } from './engine/poll-workers.js';
import { AWAY, awayOrThrow, Waiting } from './waiting.js';

/** How long a job of a model without poll workers waits for a worker. */
const CALL_QUEUE_MS = 600_000;
/** When it is worth trying again: a queue of long work moves slowly. */
const FULL_RETRY_S = 30;
const RETRY_AFTER_S = 5;
/** At most two states a second go to one reader. */
const CHANGES_PAUSE_MS = 500;

/** Long work as the API uses it. Every method throws DatabaseUnavailableError. */
@Injectable()
export class Jobs {
  /** Read by every call; a model's object is replaced whenever a worker of it changes. */
  private readonly served = new WeakMap<Model, boolean>();

  constructor(
    private readonly inserts: JobInserts,
    private readonly table: JobTable,
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly policies: ModelPolicies,
    private readonly waiting: Waiting,
    private readonly runner: JobRunner,
    private readonly contents: JobContents,
    private readonly links: InputLinks,
    private readonly settings: JobSettings,
  ) {}

  /** Whether the model has a worker with `poll`: then every call of it is a job. */
  serves(modelName: string): boolean {
    const model = this.live.model(modelName);
    if (model === undefined) return false;
    const known = this.served.get(model);
    if (known !== undefined) return known;
    const isServed = model.workers.some(isPollWorker);
    this.served.set(model, isServed);
    return isServed;
  }

  /**
   * Queues a job. A repeated idempotency key gives the job that there is.
   * @throws UnknownModelError, NoWorkerAvailableError, QueueFullError, InputsFullError, IdempotencyConflictError, and the
   *   error of a request that no worker of the model can express
   */
  async create(job: NewJob): Promise<{ job: Job; created: boolean }> {
    const id = newJobId();
    const workers = pollWorkersOf(await this.modelOf(job.modelName));
    const unable = workers.length === 0 ? [] : await this.unableOf(workers, job);
    const { input, files } = splitInput(job.input);
    const made = await this.inserts.insert(
      {
        ...job,
        id,
        mode: workers.length === 0 ? 'call' : 'poll',
        request: JSON.stringify(input),
        files: files.map((file) => Buffer.from(file)),
        unable,
        queueMs: Math.max(
          ...workers.map(({ call }) => call.poll.queueMs),
          workers.length === 0 ? CALL_QUEUE_MS : 0,
        ),
      },
      this.policies.of(job.modelName)?.queueMax ?? this.settings.mostQueued,
      this.settings.inputBytes,
    );
    switch (made.kind) {
      case 'created':
        this.runner.wake();
        return { job: this.shown(made.row), created: true };
      case 'exists':
        if (made.requestHash !== job.requestHash) throw new IdempotencyConflictError();
        return { job: this.shown(made.row), created: false };
      case 'queue_full': {
        const most = this.policies.of(job.modelName)?.queueMax ?? this.settings.mostQueued;
        throw new QueueFullError(job.modelName, most, FULL_RETRY_S);
      }
      case 'inputs_full':
        throw new InputsFullError(this.settings.inputBytes);
    }
  }

  async find(id: string): Promise<Job | null> {
    if (!UUID.test(id)) return null;
    const row = await this.table.find(id);
    return row === undefined ? null : this.shown(row);
  }

  /** A job of the same request that lives or ended within this time: what a client's own repetition means. */
  async findRepeated(
    {
      ownerKey,
      modelName,
      requestHash,
    }: Pick<NewJob, 'ownerKey' | 'modelName'> & { readonly requestHash: string },
    withinMs: number,
  ): Promise<Job | null> {
    const row = await this.table.findRepeated(ownerKey, modelName, requestHash, withinMs);
    return row === undefined ? null : this.shown(row);
  }

  async list(filter: ListFilter): Promise<{ jobs: readonly Job[]; hasMore: boolean }> {
    if (filter.after !== undefined && !UUID.test(filter.after)) return { jobs: [], hasMore: false };
    const rows = await this.table.list(filter);
    return {
      jobs: rows.slice(0, filter.limit).map((row) => this.shown(row)),
      hasMore: rows.length > filter.limit,
    };
  }

  /** @returns the job, which may end a moment later; `null`: there is none */
  async cancel(id: string, actor: Actor): Promise<Job | null> {
    if (!UUID.test(id)) return null;
    const row = await this.table.cancel(id, actor);
    if (row === undefined) return null;
    this.runner.cancelled(id);
    this.waiting.changed([id]);
    return this.shown(row);
  }

  /** Cancels what runs; the job is no longer found. @returns whether it was there */
  async remove(id: string, actor: Actor): Promise<boolean> {
    if (!UUID.test(id)) return false;
    const wasThere = await this.table.remove(id, actor);
    if (wasThere) this.runner.cancelled(id);
    return wasThere;
  }

  /**
   * Resolves when the job has ended, or at `untilMs` (of `performance.now()`), or when `signal` fires, with the job as it
   * was last read. `null`: there is none.
   */
  async wait(id: string, untilMs: number, signal: CancelSignal | null): Promise<Job | null> {
    if (!UUID.test(id)) return null;
    const first = await this.table.find(id).catch((error: unknown) => awayOrThrow(error));
    if (first === undefined) return null;
    const isOver = first !== AWAY && hasEnded(first);
    const last = isOver ? first : await this.waiting.until(id, first, hasEnded, untilMs, signal);
    if (last === AWAY)
      throw new DatabaseUnavailableError(new Error('it was away while the job was waited for'));
    return last === undefined ? null : this.shown(last);
  }

  /** The job as it is and at every change, at most twice a second, unless the reader knows that version already; ends with the job. */
  async *changes(
    id: string,
    afterVersion: number | null,
    signal: CancelSignal | null,
  ): AsyncGenerator<Job, void> {
    if (!UUID.test(id)) return;
    let known = afterVersion ?? -1;
    let row = await this.table.find(id);
    while (row !== undefined) {
      if (row.version > known) {
        known = row.version;
        yield this.shown(row);
      }
      if (hasEnded(row) || signal?.aborted === true) return;
      await sleep(CHANGES_PAUSE_MS);
      const next = await this.waiting.until(id, row, ({ version }) => version > known, Infinity, signal);
      if (next === AWAY) return;
      row = next;
    }
  }

  /**
   * A file of a finished job, or one range of it: from the database, or streamed from the upstream.
   * @throws NoSuchFileError, UpstreamError
   */
  content(job: Job, number: number, range: string | null): Promise<FileContent> {
    return this.contents.open(job.id, number, range);
  }

  private async modelOf(name: string): Promise<Model> {
    const model = this.live.model(name) ?? (await this.lookup.find(name));
    if (model !== undefined) return model;
    if (this.live.lastLoadMs !== null) throw new UnknownModelError(name);
    throw new NoWorkerAvailableError(name, RETRY_AFTER_S, 'the registry has not been read yet');
  }

  /** The workers that cannot express the request. @throws when none in use can */
  private async unableOf(workers: readonly PollWorker[], job: NewJob): Promise<readonly string[]> {
    const inUse = workers.filter(
      ({ adminState, health }) => adminState === 'enabled' && health !== 'unhealthy',
    );
    if (inUse.length === 0)
      throw new NoWorkerAvailableError(
        job.modelName,
        RETRY_AFTER_S,
        countReasons(workers.map((worker) => unusableReason(worker) ?? worker.health)),
      );
    const forbidden = await this.links.faults(workers, job.input);
    const faults = new Map(
      workers.map((worker) => [worker, unsupportedReason(worker, job) ?? forbidden.get(worker) ?? null]),
    );
    const [first] = inUse;
    if (first !== undefined && inUse.every((worker) => faults.get(worker) !== null)) throw faults.get(first);
    return workers.filter((worker) => faults.get(worker) !== null).map((worker) => worker.id);
  }

  private shown(row: JobRow): Job {
    return jobOf(row, this.settings.retentionMs);
  }
}
