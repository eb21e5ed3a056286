import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { powerAfter, type PowerEvidence, type PowerState } from './power.js';

const states = fc.constantFrom<PowerState>('awake', 'asleep', 'waking');
const evidences = fc.constantFrom<PowerEvidence>(
  'refused',
  'answered',
  'shows_asleep',
  'shows_awake',
  'ready',
);

describe('what evidence says of a worker that can sleep', () => {
  it('is the same when it is seen twice', () => {
    fc.assert(
      fc.property(states, evidences, fc.boolean(), fc.boolean(), (state, evidence, shows, isLeased) => {
        const once = powerAfter(state, evidence, shows, isLeased);
        expect(powerAfter(once, evidence, shows, isLeased)).toBe(once);
      }),
    );
  });

  it('never begins a waking: only who holds the lease does', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<PowerState>('awake', 'asleep'),
        evidences,
        fc.boolean(),
        fc.boolean(),
        (state, evidence, shows, isLeased) => {
          expect(powerAfter(state, evidence, shows, isLeased)).not.toBe('waking');
        },
      ),
    );
  });

  it('is never sleep while the worker is being woken', () => {
    fc.assert(
      fc.property(evidences, fc.boolean(), (evidence, shows) => {
        expect(powerAfter('waking', evidence, shows, true)).not.toBe('asleep');
      }),
    );
  });

  it('is not taken from an ordinary answer where a worker answers in its sleep', () => {
    fc.assert(
      fc.property(states, fc.boolean(), (state, isLeased) => {
        expect(powerAfter(state, 'answered', true, isLeased)).toBe(state);
      }),
    );
  });
});
