import { describe, expect, it } from 'vitest';
import { drill } from '../../bench/usage/drill.js';
import { ROOT } from '../process.js';

const REQUESTS = 400;
const CALLERS = 4;

describe('usage of 50 keys over three replicas', () => {
  it('is what the answers report, but for a batch of a killed replica, and nothing twice, with the database killed in between', async () => {
    const lines: string[] = [];
    const found = await drill({
      root: ROOT,
      requests: REQUESTS,
      keys: 50,
      replicas: 3,
      callers: CALLERS,
      pauseMs: 20,
      events: [
        { at: 0.1, what: 'kill the database' },
        { at: 0.6, what: 'kill a replica' },
      ],
      databaseAwayMs: 500,
      log: (line) => lines.push(line),
    });
    expect({ ...found, lines }).toMatchObject({
      kills: 1,
      keysWithLoss: 0,
      keysCountedTwice: 0,
      keysThatDiffer: 0,
      complaints: [],
    });
    // Those that were under way on the killed replica broke off.
    expect(found.answered).toBeGreaterThanOrEqual(REQUESTS - CALLERS);
    expect(found.lostTokens).toBeLessThanOrEqual(found.losableTokens);
    expect(found.countedTokens).toBeGreaterThan(found.reportedTokens - found.losableTokens - 1);
  });
});
