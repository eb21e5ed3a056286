/** A small, seeded generator (mulberry32), so that random numbers are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A new seed in each run. It is printed, and TEST_SEED repeats it. */
export function printedRandom(test: string): () => number {
  const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`${test}: TEST_SEED=${seed} repeats these random choices\n`);
  return seededRandom(seed);
}
