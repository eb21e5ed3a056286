import { describe, expect, it } from 'vitest';
import { RegistrySettings } from '../../config/settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { LockReporter } from '../../database/lock-reporter.js';
import { Notifications } from '../../database/notifications.js';
import { WorkerCompiler } from '../calls/worker-compiler.js';
import { ModelPolicies } from '../models/model-policies.js';
import { WorkerQueries, type WorkerRow } from '../worker-queries.js';
import type { ClearHeaderSealer } from './clear-header-sealer.js';
import { LiveWorkers } from './live-workers.js';
import { RegistrySync } from './registry-sync.js';

/** A table that answers every read with no rows, or with an error. */
class Rows {
  readonly reads: (readonly string[])[] = [];
  onRead = (): void => {};

  constructor(private readonly error: Error | null) {}

  async findLive(ids: readonly string[]): Promise<WorkerRow[]> {
    this.reads.push(ids);
    this.onRead();
    if (this.error !== null) throw this.error;
    return [];
  }
}

function syncOf(rows: Rows): RegistrySync {
  return new RegistrySync(
    rows as unknown as WorkerQueries,
    {} as WorkerCompiler,
    new LiveWorkers(),
    {} as ModelPolicies,
    { sealIn: () => {} } as unknown as ClearHeaderSealer,
    {} as DatabaseConnection,
    { resyncMs: 1_000 } as RegistrySettings,
    {} as LockReporter,
    { subscribe: () => {} } as unknown as Notifications,
  );
}

describe('RegistrySync.readYourWrites', () => {
  it('reads the written rows again before it resolves', async () => {
    const rows = new Rows(null);
    await syncOf(rows).readYourWrites(['a', 'b']);
    expect(rows.reads).toEqual([['a', 'b']]);
  });

  it('succeeds when the database goes away after the commit', async () => {
    const rows = new Rows(new DatabaseUnavailableError(new Error('gone')));
    await expect(syncOf(rows).readYourWrites(['a'])).resolves.toBeUndefined();
  });

  it('throws any other error', async () => {
    await expect(syncOf(new Rows(new TypeError('a bug'))).readYourWrites(['a'])).rejects.toThrow('a bug');
  });
});

describe('RegistrySync.reload', () => {
  it('reads together what is requested before its turn comes, and answers each', async () => {
    const rows = new Rows(null);
    const sync = syncOf(rows);
    await Promise.all([sync.reload(['a']), sync.reload(['b']), sync.reload(['b', 'c'])]);
    await sync.reload(['d']);
    expect(rows.reads).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('reads again what is requested while it is being read', async () => {
    const rows = new Rows(null);
    const sync = syncOf(rows);
    const first = sync.reload(['a']);
    rows.onRead = () => {
      rows.onRead = () => {};
      void sync.reload(['a']);
    };
    await first;
    await sync.reload([]);
    expect(rows.reads).toEqual([['a'], ['a']]);
  });
});
