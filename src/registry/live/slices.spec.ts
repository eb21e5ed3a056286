import { expect, it } from 'vitest';
import { inSlices } from './slices.js';

/** As long as a few workers take. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('lets other work run between slices, and runs one slice a turn, however many lists are gone through', async () => {
  let turn = 0;
  const counting = setInterval(() => (turn += 1), 0);
  const itemsOfTurn = new Map<number, number>();
  const seen: number[][] = [[], [], [], []];
  const items = Array.from({ length: 20 }, (_, at) => at);
  await Promise.all(
    seen.map((list) =>
      inSlices(items, (item) => {
        work(2);
        list.push(item);
        itemsOfTurn.set(turn, (itemsOfTurn.get(turn) ?? 0) + 1);
      }),
    ),
  );
  clearInterval(counting);
  expect(seen).toEqual([items, items, items, items]);
  // The first slice of each begins at once; a later slice has 4 items of 2 ms.
  const [, ...later] = [...itemsOfTurn.values()];
  expect(later.length).toBeGreaterThan(10);
  expect(Math.max(...later)).toBeLessThanOrEqual(8);
});
