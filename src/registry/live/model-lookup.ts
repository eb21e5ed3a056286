import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkerQueries } from '../worker-queries.js';
import { LiveWorkers, type Model } from './live-workers.js';
import { RegistrySync } from './registry-sync.js';

/** An unknown model is looked up in the database for at most this long. */
const LOOKUP_TIMEOUT_MS = 250;
/** An unknown model is looked up at most once in this time. */
const MISS_TTL_MS = 1_000;
/** Keeps clients that send made-up names from filling memory. */
const MAX_MISSES = 10_000;

/** Finds a model that was registered on another replica a moment ago, before its client gets a 404. */
@Injectable()
export class ModelLookup {
  private readonly lookups = new Map<string, Promise<true>>();
  /** By `performance.now()`, which no clock adjustment changes. */
  private readonly missedAtMs = new Map<string, number>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly queries: WorkerQueries,
    private readonly sync: RegistrySync,
  ) {}

  async find(name: string): Promise<Model | undefined> {
    const missedAtMs = this.missedAtMs.get(name);
    if (missedAtMs !== undefined && performance.now() - missedAtMs < MISS_TTL_MS) return undefined;
    const lookup = this.lookups.get(name) ?? this.lookUp(name);
    const isDone = await Promise.race([lookup, sleep(LOOKUP_TIMEOUT_MS, false, { ref: false })]);
    const model = this.live.model(name);
    // A lookup that is still running has found nothing out: the next request waits for the same one.
    if (model === undefined && isDone) this.rememberMiss(name);
    return model;
  }

  private lookUp(name: string): Promise<true> {
    const lookup = this.load(name)
      // Without a database the client gets a 404 now and the right answer a moment later.
      .catch(() => {})
      .then(() => true as const)
      .finally(() => this.lookups.delete(name));
    this.lookups.set(name, lookup);
    return lookup;
  }

  private async load(name: string): Promise<void> {
    const ids = await this.queries.liveIdsOfModel(name);
    if (ids.length > 0) await this.sync.reload(ids);
  }

  private rememberMiss(name: string): void {
    this.missedAtMs.delete(name);
    if (this.missedAtMs.size >= MAX_MISSES) this.missedAtMs.clear();
    this.missedAtMs.set(name, performance.now());
  }
}
