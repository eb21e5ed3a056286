import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeDatabase } from './data-directory.js';

const anyFacts = fc.record({
  reachable: fc.boolean(),
  hasDatabase: fc.boolean(),
  relocatedHasDatabase: fc.boolean(),
});

describe('placeDatabase', () => {
  it('never starts an empty database if one exists already', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const place = placeDatabase(facts);
        expect(place === 'relocated' && facts.hasDatabase).toBe(false);
        expect(place === 'here' && facts.relocatedHasDatabase && !facts.hasDatabase).toBe(false);
      }),
    );
  });

  it('never places one where PostgreSQL has no access', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(placeDatabase(facts) === 'here' && !facts.reachable).toBe(false);
      }),
    );
  });

  it('prefers DATA_DIR', () => {
    expect(placeDatabase({ reachable: true, hasDatabase: false, relocatedHasDatabase: false })).toBe('here');
    expect(placeDatabase({ reachable: true, hasDatabase: true, relocatedHasDatabase: true })).toBe('here');
  });
});
