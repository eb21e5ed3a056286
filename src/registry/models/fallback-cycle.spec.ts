import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fallbackCycle } from './model.service.js';

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const policies = fc
  .dictionary(names, fc.array(names, { maxLength: 4 }))
  .map((all) => new Map(Object.entries(all)));

describe('fallbackCycle', () => {
  it('finds a cycle exactly when the model can be reached from itself, and returns its edges in order', () => {
    fc.assert(
      fc.property(names, fc.array(names, { maxLength: 4 }), policies, (model, fallbacks, others) => {
        const nextOf = (name: string) => (name === model ? fallbacks : (others.get(name) ?? []));
        const reached = new Set<string>();
        for (let edge = [...fallbacks]; edge.length > 0;) {
          const fresh = edge.filter((name) => !reached.has(name));
          for (const name of fresh) reached.add(name);
          edge = fresh.flatMap((name) => (name === model ? [] : nextOf(name)));
        }
        const cycle = fallbackCycle(model, fallbacks, others);
        expect(cycle !== null).toBe(reached.has(model));
        if (cycle === null) return;
        expect([cycle[0], cycle.at(-1)]).toEqual([model, model]);
        for (const [index, name] of cycle.slice(1).entries())
          expect(nextOf(cycle[index] ?? '')).toContain(name);
      }),
    );
  });
});
