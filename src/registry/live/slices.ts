import { setImmediate as othersHadATurn } from 'node:timers/promises';

/** Requests wait for at most this long; a slice of whole milliseconds costs little beside its work. */
const SLICE_MS = 8;
/** The slices that wait for a turn of the event loop, one after another. */
let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Calls `act` for each item, and lets the event loop do other work in between, however many items there are. Of all such
 * work in the process, at most one further slice runs in a turn: reading, probing and listing all workers at once would add up.
 */
export async function inSlices<Item>(items: Iterable<Item>, act: (item: Item) => void): Promise<void> {
  let endMs = performance.now() + SLICE_MS;
  for (const item of items) {
    act(item);
    if (performance.now() < endMs) continue;
    await (lastTurn = lastTurn.then(() => othersHadATurn()));
    endMs = performance.now() + SLICE_MS;
  }
}
