/** How many letters must change to make one text of the other. [Wagner and Fischer, 1974] */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [at, letter] of one.split('').entries()) {
    const next = [at + 1];
    for (const [to, each] of other.split('').entries())
      next.push(
        Math.min((row[to] ?? 0) + (letter === each ? 0 : 1), (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1),
      );
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The one that was probably meant; `undefined`: there is none. */
export function nearest(text: string, all: readonly string[]): string | undefined {
  return all.toSorted((a, b) => distance(text, a) - distance(text, b))[0];
}
