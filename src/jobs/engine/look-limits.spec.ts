import { expect, it } from 'vitest';
import { LookPauses } from './look-limits.js';

it('pauses the looks at a worker, longer each time in a row, and forgets that once it answers', () => {
  const pauses = new LookPauses();
  const waited: number[] = [];
  let nowMs = 0;
  for (let time = 0; time < 7; time++) {
    const ms = pauses.nextMs('w');
    waited.push(ms);
    pauses.pause('w', ms, nowMs);
    // A look that was under way says the same.
    pauses.pause('w', ms, nowMs + 1);
    pauses.answered('w', nowMs + 1);
    expect(pauses.paused(nowMs + ms - 1)).toEqual(['w']);
    nowMs += ms;
    expect(pauses.paused(nowMs)).toEqual([]);
  }
  expect(waited).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  pauses.answered('w', nowMs);
  expect(pauses.nextMs('w')).toBe(2_000);
});
