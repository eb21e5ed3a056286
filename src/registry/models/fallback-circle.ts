/**
 * The way round, if these fallbacks of `model` would lead back to it: `['a', 'b', 'a']`; `null`: they don't. Circles that
 * leave `model` out are not its fault.
 */
export function fallbackCircle(
  model: string,
  fallbacks: readonly string[],
  others: ReadonlyMap<string, readonly string[]>,
): readonly string[] | null {
  const seen = new Set<string>();
  const search = (from: readonly string[], nexts: readonly string[]): readonly string[] | null => {
    for (const next of nexts) {
      if (next === model) return [...from, model];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = search([...from, next], others.get(next) ?? []);
      if (found !== null) return found;
    }
    return null;
  };
  return search([model], fallbacks);
}
