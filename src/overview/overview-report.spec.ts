import { describe, expect, it } from 'vitest';
import type { Worker } from '../registry/worker.js';
import { fleetOf, hourOf } from './overview-report.js';
import { noCounts } from './traffic.js';

const worker = (id: string, about: object = {}) =>
  ({
    id,
    adminState: 'enabled',
    health: 'healthy',
    maxConcurrency: 4,
    call: {},
    ...about,
  }) as unknown as Worker;

describe('the overview of workers', () => {
  it('counts one that is ejected somewhere as ejected, and leaves it out where no replica uses it', () => {
    const workers = [
      worker('a'),
      worker('b'),
      worker('c'),
      worker('d', { adminState: 'disabled', health: 'unhealthy' }),
    ];
    const { workers: states, taking, may_run } = fleetOf(workers, { a: 1, b: 2 }, 2, 7);
    expect([taking, may_run]).toEqual([2, 8]);
    expect(states).toEqual({
      healthy: 1,
      warming: 0,
      suspect: 0,
      unhealthy: 0,
      ejected: 2,
      unknown: 0,
      draining: 0,
      disabled: 1,
      offline: 7,
    });
  });
});

describe('the overview of the last hour', () => {
  it('has 59 whole minutes, summed over replicas, and the last 60 s', () => {
    const row = (minute: number, requests: number) => ({
      minute,
      requests,
      failed: 1,
      first_tokens: [0, requests],
      running: 0.25,
      waiting: 0,
    });
    const now = {
      running: 3,
      waiting: { total: 2, oldest_ms: 5, by_model: {} },
      minute: { ...noCounts(), requests: 9 },
    };
    const minutes = [row(99, 2), row(99, 4), row(41, 5), row(40, 100), row(100, 100), row(101, 100)];
    const { requests, failed, ttft_p50_ms, running, waiting } = hourOf(minutes, now, 100 * 60_000 + 30_000);
    expect(requests).toEqual([5, ...Array.from({ length: 57 }, () => 0), 6, 9]);
    expect(failed.slice(-2)).toEqual([2, 0]);
    expect(ttft_p50_ms.slice(-3)).toEqual([null, 75, null]);
    expect([running.slice(-2), waiting.at(-1)]).toEqual([[0.5, 3], 2]);
  });
});
