import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { GatheredWork } from './gathered-work.js';

describe('gathered work', () => {
  it('does each item once, never two batches at a time, and gathers what arrives meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(9), { maxLength: 4 }), { maxLength: 8 }),
        async (handedIn) => {
          let atWork = 0;
          const batches: string[][] = [];
          const work = new GatheredWork<string>(async (items) => {
            expect((atWork += 1)).toBe(1);
            batches.push([...items]);
            await sleep(0);
            atWork -= 1;
            return new Set(items.filter((item) => !item.endsWith('0')));
          });
          const given = handedIn.map((items, call) => items.map((item, at) => `${call} ${at} ${item}`));
          const done = await Promise.all(given.map((items) => work.run(items)));
          expect(batches.flat()).toEqual(given.flat());
          // All were handed in before the first began.
          expect(batches.length).toBe(given.flat().length === 0 ? 0 : 1);
          for (const [call, items] of given.entries())
            expect(items.filter((item) => done[call]?.has(item))).toEqual(
              items.filter((item) => !item.endsWith('0')),
            );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('does what arrives during a batch in the next one, and goes on after a failure', async () => {
    const batches: string[][] = [];
    const work = new GatheredWork<string>(async (items) => {
      batches.push([...items]);
      await sleep(1);
      if (items.includes('bad')) throw new Error('failed');
      return new Set(items);
    });
    const first = work.run(['bad']).catch(String);
    await sleep(0);
    const rest = [work.run(['a']), work.run(['b'])];
    expect(await first).toBe('Error: failed');
    expect(await Promise.all(rest)).toEqual([new Set(['a', 'b']), new Set(['a', 'b'])]);
    expect(batches).toEqual([['bad'], ['a', 'b']]);
  });
});
