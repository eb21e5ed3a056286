import { describe, expect, it } from 'vitest';
import { NO_ID, UsageSums } from './usage-sums.js';
import type { Used } from './used.js';

const HOUR = Date.UTC(2026, 10, 27, 8);
const used = (more: Partial<Used> = {}): Used => ({
  keyId: 'k',
  keyName: 'app',
  team: null,
  model: 'm',
  workerId: 'w',
  outcome: 'ok',
  input: 10,
  cached: 2,
  output: 5,
  estimated: 0,
  images: 0,
  seconds: 0,
  cost: null,
  currency: null,
  ...more,
});

describe('the sums of usage', () => {
  it('has one row for each hour, key, team, model, worker and currency', () => {
    const sums = new UsageSums();
    sums.add(used(), HOUR + 1);
    sums.add(used({ outcome: 'worker', input: 0, cached: 0, output: 0 }), HOUR + 3_599_999);
    sums.add(used(), HOUR + 3_600_000);
    for (const other of [
      { keyId: null },
      { team: 't' },
      { model: null },
      { workerId: null },
      { currency: 'EUR', cost: 1 },
    ])
      sums.add(used(other), HOUR);
    const rows = sums.take(100);
    expect(rows).toHaveLength(7);
    expect(rows[0]).toMatchObject({
      hour: HOUR,
      requests: 2,
      errorsWorker: 1,
      input: 10,
      cached: 2,
      output: 5,
    });
    expect(rows[2]).toMatchObject({ keyId: NO_ID });
    expect(sums.size).toBe(0);
  });

  it('counts a limited request, and nothing else of it', () => {
    const sums = new UsageSums();
    sums.add(used({ outcome: 'limited' }), HOUR);
    expect(sums.take(1)[0]).toMatchObject({ requests: 0, limited: 1, input: 0 });
  });

  it('loses no figure when it is full: further workers share a row', () => {
    const sums = new UsageSums(2);
    for (const workerId of ['a', 'b', 'c', 'd', 'a', 'c']) sums.add(used({ workerId }), HOUR);
    const rows = [...sums.take(2), ...sums.take(2)];
    expect(rows.map(({ workerId, requests, input }) => [workerId, requests, input])).toEqual([
      ['a', 2, 20],
      ['b', 1, 10],
      [NO_ID, 3, 30],
    ]);
  });
});
