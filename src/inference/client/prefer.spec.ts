import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preferenceApplied, readPrefer } from './prefer.js';

describe('the header Prefer', () => {
  it('requests nothing when it is left out', () => {
    expect(readPrefer(undefined)).toEqual({ respondAsync: false, waitMs: null });
  });

  it.each([
    ['respond-async', true, null],
    ['Respond-Async', true, null],
    ['respond-async, wait=20', true, 20_000],
    ['wait=5', false, 5_000],
    ['wait="5"', false, 5_000],
    ['return=minimal; foo="some parameter", respond-async', true, null],
    ['wait=10, wait=99', false, 10_000],
    ['wait=soon', false, null],
    ['wait=-1', false, null],
    ['respond-asynchronously', false, null],
    ['', false, null],
  ])('%j is read', (header, respondAsync, waitMs) => {
    expect(readPrefer(header)).toEqual({ respondAsync, waitMs });
  });

  it('is read whatever it holds', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const { waitMs } = readPrefer(header);
        expect(waitMs ?? 0).toSatisfy((ms: number) => Number.isSafeInteger(ms) && ms >= 0);
      }),
    );
  });

  it('is read back from what was applied', () => {
    fc.assert(
      fc.property(fc.option(fc.nat(99_999)), (seconds) => {
        const preferences = { respondAsync: true, waitMs: seconds === null ? null : seconds * 1000 };
        expect(readPrefer(preferenceApplied(preferences))).toEqual(preferences);
      }),
    );
  });
});
