import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { powerAfter, type PowerEvidence, type PowerState } from './power.js';

const states = fc.constantFrom<PowerState>('awake', 'asleep', 'waking');
const evidences = fc.constantFrom<PowerEvidence>('refused', 'answered', 'shows_asleep', 'shows_awake');

describe('what evidence says of a worker that can sleep', () => {
  it('is the same when it is seen twice', () => {
    fc.assert(
      fc.property(states, evidences, fc.boolean(), (state, evidence, shows) => {
        const once = powerAfter(state, evidence, shows);
        expect(powerAfter(once, evidence, shows)).toBe(once);
      }),
    );
  });

  it('never begins a waking: only a replica with a lease does', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<PowerState>('awake', 'asleep'),
        evidences,
        fc.boolean(),
        (state, evidence, shows) => {
          expect(powerAfter(state, evidence, shows)).not.toBe('waking');
        },
      ),
    );
  });

  it('is never sleep while the worker is being woken', () => {
    fc.assert(
      fc.property(evidences, fc.boolean(), (evidence, shows) => {
        expect(powerAfter('waking', evidence, shows)).not.toBe('asleep');
      }),
    );
  });

  it('is not taken from an ordinary answer where a worker answers in its sleep', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(powerAfter(state, 'answered', true)).toBe(state);
      }),
    );
  });

  it('follows asleep_when, whatever woke the worker or sent it to sleep', () => {
    expect(powerAfter('awake', 'shows_asleep', true)).toBe('asleep');
    expect(powerAfter('asleep', 'shows_awake', true)).toBe('awake');
  });
});
