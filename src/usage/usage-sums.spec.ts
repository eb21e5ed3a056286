import fc from 'fast-check';
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

  it('sums every figure once, in its own row, whatever the order of requests and of writes', () => {
    const few = (...values: readonly (string | null)[]) => fc.constantFrom(...values);
    const request = fc.record({
      keyId: few('k', 'l', null),
      team: few('t', null),
      model: few('m', 'n'),
      workerId: few('v', 'w', null),
      currency: few('EUR', null),
      hours: fc.nat(1),
      takes: fc.constantFrom(0, 0, 0, 1, 2),
    });
    fc.assert(
      fc.property(fc.array(request), (requests) => {
        const sums = new UsageSums();
        const [expected, found] = [new Map<string, number>(), new Map<string, number>()];
        const count = (counts: Map<string, number>, key: readonly unknown[], more: number) =>
          counts.set(key.join('|'), (counts.get(key.join('|')) ?? 0) + more);
        const take = (most: number): void => {
          for (const { hour, keyId, team, model, workerId, currency, input } of sums.take(most))
            count(found, [hour, keyId, team, model, workerId, currency], input);
        };
        for (const { hours, takes, ...facts } of requests) {
          const hour = HOUR + hours * 3_600_000;
          sums.add(used(facts), hour + 5);
          const { keyId, team, model, workerId, currency } = facts;
          count(expected, [hour, keyId ?? NO_ID, team ?? '', model, workerId ?? NO_ID, currency ?? ''], 10);
          if (takes > 0) take(takes);
        }
        take(Infinity);
        expect(new Map(found)).toEqual(expected);
      }),
    );
  });
});
