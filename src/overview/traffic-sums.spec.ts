import { describe, expect, it } from 'vitest';
import { MinuteSums, WorkerSums } from './traffic-sums.js';
import { noCounts } from './traffic.js';

const MINUTE = 60_000;
const START = 29_000_000 * MINUTE;
const requests = (count: number) => ({ ...noCounts(), requests: count });

describe('the sums of minutes', () => {
  it('have the last 60 s at any time, and each minute that is over and was not idle', () => {
    const sums = new MinuteSums();
    for (let second = 0; second < 180; second += 2)
      sums.add(requests(second < 60 || second >= 120 ? 1 : 0), second < 60 ? 3 : 0, 0, START + second * 1000);
    expect(sums.lastMinute(START + 178_000).requests).toBe(30);
    expect(sums.lastMinute(START + 200_000).requests).toBe(19);
    expect(sums.unwritten).toMatchObject([
      { minuteMs: START, counts: { requests: 30 }, running: 3, waiting: 0 },
    ]);
    sums.written(sums.unwritten, START + 180_000);
    sums.close();
    expect(sums.unwritten).toMatchObject([{ minuteMs: START + 2 * MINUTE, counts: { requests: 30 } }]);
  });

  it('are kept for an hour while they cannot be written', () => {
    const sums = new MinuteSums();
    for (let minute = 0; minute < 90; minute++) sums.add(requests(1), 0, 0, START + minute * MINUTE);
    expect(sums.unwritten).toHaveLength(60);
    expect(sums.unwritten.at(-1)?.minuteMs).toBe(START + 88 * MINUTE);
  });
});

describe('the sums of workers', () => {
  const one = new Map([['a', { attempts: 2, failed: 1 }]]);

  it('have whole sums of five minutes, of workers that had requests since the last write', () => {
    const sums = new WorkerSums();
    sums.add(one, new Map(), START);
    expect(sums.take(10)).toMatchObject([
      { workerId: 'a', atMs: START, requests: 2, failed: 1, firstTokens: null },
    ]);
    expect(sums.take(10)).toEqual([]);
    sums.add(one, new Map([['a', [1]]]), START + 1000);
    sums.add(one, new Map(), START + 300_000);
    expect(sums.take(10)).toMatchObject([
      { atMs: START, requests: 4, failed: 2 },
      { atMs: START + 300_000, requests: 2, failed: 1 },
    ]);
  });

  it('come back when they could not be written, unless they are older than an hour', () => {
    const sums = new WorkerSums();
    sums.add(one, new Map(), START);
    const taken = sums.take(10);
    sums.restore(taken, START + 60 * MINUTE - 1);
    expect(sums.size).toBe(1);
    sums.restore(sums.take(10), START + 60 * MINUTE);
    expect(sums.size).toBe(0);
  });
});
