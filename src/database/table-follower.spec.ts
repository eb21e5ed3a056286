import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DatabaseUnavailableError } from './database-unavailable-error.js';
import type { LockReporter } from './lock-reporter.js';
import { TableFollower } from './table-follower.js';

const away = new DatabaseUnavailableError(new Error('gone'));

/** What a follower reads, and the errors of its next reads. */
function followed() {
  const reads: (readonly string[] | 'changed')[] = [];
  const errors: Error[] = [];
  const read = (what: readonly string[] | 'changed'): Promise<void> => {
    reads.push(what);
    const error = errors.shift();
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  };
  const follower: TableFollower = new TableFollower({
    readChanged: () => read('changed'),
    reload: (ids) => follower.inTurn(() => read(ids)),
    resyncMs: 10_000,
    logger: new Logger('Test'),
    locks: { during: (_what: string, act: () => Promise<void>) => act() } as LockReporter,
    whenLocked: 'the table is not read',
  });
  return { follower, reads, errors };
}

describe('a follower of tables', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('reads rows of many notifications once and together', async () => {
    const { follower, reads } = followed();
    for (const id of ['a', 'b', null, 'a']) follower.hint(id);
    await vi.advanceTimersByTimeAsync(100);
    expect(reads).toEqual([['a', 'b']]);
  });

  it('compares with the whole tables when the rows of a notification cannot be read', async () => {
    const { follower, reads, errors } = followed();
    errors.push(away);
    follower.hint('a');
    await vi.advanceTimersByTimeAsync(100);
    expect(reads).toEqual([['a'], 'changed']);
  });

  it('compares again every 10 s, and within 1.5 s while the database is away', async () => {
    const { follower, reads, errors } = followed();
    errors.push(away, away);
    await follower.resync();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(reads).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(reads).toHaveLength(5);
  });

  it('lets no read overtake an earlier one, also after a failure', async () => {
    const { follower } = followed();
    const order: string[] = [];
    const slow = follower.inTurn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      order.push('slow');
      throw away;
    });
    const quick = follower.inTurn(async () => void order.push('quick'));
    const settled = Promise.allSettled([slow, quick]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(order).toEqual(['slow', 'quick']);
  });

  it('reads nothing by itself once it has stopped', async () => {
    const { follower, reads } = followed();
    await follower.resync();
    follower.hint('a');
    await follower.stop();
    await follower.resync();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reads).toEqual(['changed']);
  });
});
