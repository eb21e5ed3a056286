import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveWorkers, type Model } from './live-workers.js';
import { RegistrySync } from './registry-sync.js';
import { WorkerWriter } from '../worker-writer.js';

/** An unknown model is looked for in the database at most this long, and at most once in the time a miss is remembered. */
const LONGEST_LOOK_MS = 250;
const MISS_REMEMBERED_MS = 1_000;
/** So that callers of made-up names don't fill memory. */
const MOST_MISSES = 10_000;

/** Finds a model that was registered on another replica a moment ago, before anyone is told that there is none. */
@Injectable()
export class ModelLookup {
  private readonly looking = new Map<string, Promise<true>>();
  /** On a clock that nobody sets back. */
  private readonly missedAtMs = new Map<string, number>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly repository: WorkerWriter,
    private readonly refresher: RegistrySync,
  ) {}

  async find(name: string): Promise<Model | undefined> {
    const missedAtMs = this.missedAtMs.get(name);
    if (missedAtMs !== undefined && performance.now() - missedAtMs < MISS_REMEMBERED_MS) return undefined;
    const look = this.looking.get(name) ?? this.look(name);
    const isAnswered = await Promise.race([look, sleep(LONGEST_LOOK_MS, false, { ref: false })]);
    const model = this.live.model(name);
    // A look that takes long has found nothing out yet; who asks next waits for the same one.
    if (model === undefined && isAnswered) this.remember(name);
    return model;
  }

  private look(name: string): Promise<true> {
    const look = this.load(name)
      // No database, no answer: the caller hears 404, and a moment later the truth.
      .catch(() => {})
      .then(() => true as const)
      .finally(() => this.looking.delete(name));
    this.looking.set(name, look);
    return look;
  }

  private async load(name: string): Promise<void> {
    const ids = await this.repository.idsOfModel(name);
    if (ids.length > 0) await this.refresher.reload(ids);
  }

  private remember(name: string): void {
    this.missedAtMs.delete(name);
    if (this.missedAtMs.size >= MOST_MISSES) this.missedAtMs.clear();
    this.missedAtMs.set(name, performance.now());
  }
}
