import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine } from './health-state.js';

describe('oneLine', () => {
  it('always fits a table cell: no control or half characters, at most 500 long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
        const line = oneLine(`${text}\u0000${text}\ud800`);
        expect(line).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        expect(line.length).toBeLessThanOrEqual(500);
      }),
    );
  });

  it('leaves valid text unchanged', () => {
    expect(oneLine('connection refused by 10.0.0.3:8000')).toBe('connection refused by 10.0.0.3:8000');
  });

  it('does not cut a character in half', () => {
    expect(oneLine(`${'x'.repeat(498)}🙂🙂`)).toBe(`${'x'.repeat(498)}…`);
  });
});
