import { setImmediate as othersHadATurn } from 'node:timers/promises';

/** Requests wait for at most this long; a slice of whole milliseconds costs little beside its work. */
const SLICE_MS = 8;

/** Calls `act` for each item, and lets the event loop do other work in between, however many items there are. */
export async function inSlices<Item>(items: Iterable<Item>, act: (item: Item) => void): Promise<void> {
  let endMs = performance.now() + SLICE_MS;
  for (const item of items) {
    act(item);
    if (performance.now() < endMs) continue;
    await othersHadATurn();
    endMs = performance.now() + SLICE_MS;
  }
}
