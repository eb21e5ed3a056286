import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoTime } from './log-lines.js';

const from2000To2100 = fc.integer({ min: 946_684_800_000, max: 4_102_444_800_000 });

describe('isoTime', () => {
  it('equals the time that Date writes, for times in any order', () => {
    fc.assert(
      fc.property(from2000To2100, fc.integer({ min: 0, max: 3_000 }), (fromMs, laterMs) => {
        for (const ms of [fromMs, fromMs + laterMs, fromMs])
          expect(isoTime(ms)).toBe(`,"time":"${new Date(ms).toISOString()}"`);
      }),
    );
  });
});
