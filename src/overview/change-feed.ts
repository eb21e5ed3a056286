import { Injectable } from '@nestjs/common';
import { RIGHTS, type Right, type Role } from '../access/roles.js';
import { Notifications } from '../database/notifications.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ModelPolicies } from '../registry/models/model-policies.js';

/** What changes are announced of, and what a caller needs to hear of them. */
const KINDS = {
  worker: 'read_workers',
  model: 'read_policies',
  key: 'read_keys',
  team: 'read_teams',
  job: 'read_jobs',
} as const satisfies Record<string, Right>;
export type ChangeKind = keyof typeof KINDS;
const ALL_KINDS = Object.keys(KINDS) as ChangeKind[];

/** Something changed; the listener reads it by the API. `id: null`: many of the kind, or some that were missed. */
export interface Change {
  readonly id: string | null;
  readonly model_name: string | null;
  /** `null`: it has none, or is gone. */
  readonly generation: number | null;
}

type Listener = (kind: ChangeKind, changes: readonly Change[]) => void;

/** Changes within this time are announced together, each once. By then, the snapshot in memory has most of them. */
const GATHER_MS = 100;
/** More changes of a kind at once are one: to read a list is cheaper than to read so many rows. */
const MOST_TOGETHER = 500;

/**
 * What changes in the tables, as this replica hears of it: by LISTEN at once, of workers and models also by the resync. Without
 * listeners it does nothing.
 */
@Injectable()
export class ChangeFeed {
  private readonly listeners = new Set<Listener>();
  /** Names by id; the name of a model that a worker had. */
  private readonly pending = new Map<ChangeKind, Map<string | null, string | null>>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly live: LiveWorkers,
    private readonly policies: ModelPolicies,
    notifications: Notifications,
  ) {
    notifications.subscribe('worker_changed', { onNotify: (id) => this.workerChanged(id) });
    notifications.subscribe('model_changed', { onNotify: (name) => this.add('model', name, name) });
    notifications.subscribe('access_changed', { onNotify: (payload) => this.accessChanged(payload) });
    notifications.subscribe('job_changed', {
      onNotify: (payload) => this.add('job', payload.split(' ', 1)[0] ?? null, null),
      // What came before was missed.
      onListening: () => ALL_KINDS.forEach((kind) => this.add(kind, null, null)),
    });
    live.onChange(({ workerIds }) => workerIds.forEach((id) => this.workerChanged(id)));
    policies.onChange(() => {
      if (!notifications.areComing) this.add('model', null, null);
    });
  }

  /** @returns a function that ends it */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  workerChanged(id: string): void {
    this.add('worker', id, this.live.worker(id)?.modelName ?? null);
  }

  private accessChanged(payload: string): void {
    const [, kind, id] = /^(key|team) (.*)$/s.exec(payload) ?? [];
    // Ends of sessions come here, too.
    if (kind !== undefined) this.add(kind as 'key' | 'team', id ?? null, null);
  }

  private add(kind: ChangeKind, id: string | null, model: string | null): void {
    if (this.listeners.size === 0) return;
    let ofKind = this.pending.get(kind);
    if (ofKind === undefined) this.pending.set(kind, (ofKind = new Map()));
    if (ofKind.size > MOST_TOGETHER) return;
    // Of a deleted worker, the model is known until it leaves the snapshot.
    ofKind.set(id, model ?? ofKind.get(id) ?? null);
    this.timer ??= setTimeout(() => this.announce(), GATHER_MS).unref();
  }

  private announce(): void {
    this.timer = null;
    const pending = [...this.pending];
    this.pending.clear();
    for (const [kind, models] of pending) {
      const changes =
        models.has(null) || models.size > MOST_TOGETHER
          ? [ANY]
          : [...models].map(([id, model]) => this.changeOf(kind, id, model));
      for (const listener of this.listeners) listener(kind, changes);
    }
  }

  private changeOf(kind: ChangeKind, id: string | null, model_name: string | null): Change {
    if (id === null || (kind !== 'worker' && kind !== 'model')) return { id, model_name, generation: null };
    const generation =
      kind === 'worker' ? this.live.worker(id)?.generation : generationOf(this.policies.of(id)?.version);
    return { id, model_name, generation: generation ?? null };
  }
}

/** All of a kind is to be read again. */
export const ANY: Change = { id: null, model_name: null, generation: null };

/** The kinds that a role may hear of. */
export function kindsFor(role: Role): ReadonlySet<ChangeKind> {
  return new Set(ALL_KINDS.filter((kind) => (RIGHTS[KINDS[kind]] as readonly Role[]).includes(role)));
}

/** A policy's version begins with it. */
function generationOf(version: string | undefined): number | null {
  return version === undefined ? null : Number.parseInt(version, 10);
}
