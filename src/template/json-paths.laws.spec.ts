import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { compileValuePath } from './json-paths.js';
import { parsePath, printPath, valueAt } from './json-path.js';
import type { PlaceholderValues, Vocabulary } from './placeholders.js';

const vocabulary: Vocabulary = (name) => (name === 'ID' ? 'KEPT.ID' : undefined);
const VALUES: PlaceholderValues = { MODEL_NAME: '', REQUEST_ID: '' };
const all = (path: string, answer: unknown, id?: string) =>
  compileValuePath(path, 'p', vocabulary).all(answer, { ...VALUES, 'KEPT.ID': id });

describe('a path to several values', () => {
  it('finds what the path to one value finds, if it names one', () => {
    const steps = fc.array(
      fc.oneof(fc.constantFrom('a', 'b', 'constructor', 'length', '*'), fc.integer({ min: -2, max: 2 })),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(steps, fc.jsonValue({ maxDepth: 5 }), (path, answer) => {
        // Quoted, since a bare * means every value.
        const printed = path
          .map((step) => (typeof step === 'number' ? `[${step}]` : `[${JSON.stringify(step)}]`))
          .join('');
        const one = valueAt(answer, parsePath(printed, 'p'));
        expect(all(printed, answer)).toEqual(one === undefined ? [] : [one]);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws for any answer, once it is compiled', () => {
    const step = fc.constantFrom('.a', '.b', '[*]', '.*', '[]', '[-1]', '["{ID}"]', '["x{ID}y"]');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), fc.jsonValue(), fc.string(), (steps, answer, id) => {
        expect(Array.isArray(all(`a${steps.join('')}`, answer, id))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('reaches its first value, or a value on its way', () => {
    const step = fc.constantFrom('.a', '.b', '[*]', '.*', '[]', '[-1]', '["{ID}"]');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 5 }), fc.jsonValue({ maxDepth: 5 }), (steps, inner) => {
        const answer = { a: inner };
        const path = compileValuePath(`a${steps.join('')}`, 'p', vocabulary);
        const reached = path.reach(answer, VALUES);
        expect(valueAt(answer, reached.steps)).toEqual(reached.value);
        const [first] = path.all(answer, VALUES);
        expect(first === undefined || reached.value === first).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a[*]', { a: [1, 2] }, [1, 2]],
    ['a[*]', { a: 'text' }, ['text']],
    ['a[*]', { a: { b: 1 } }, [{ b: 1 }]],
    ['a[*]', { a: [] }, []],
    ['a[*].url', { a: [{ url: 'x' }, {}, { url: 'y' }] }, ['x', 'y']],
    ['outputs.*.images[*]', { outputs: { 9: { images: [1] }, 12: { images: [2, 3] } } }, [1, 2, 3]],
    ['*', [1, 2], [1, 2]],
    ['["*"]', { '*': 1, b: 2 }, [1]],
    ['a[].b', { a: [{ b: 1 }, { b: 2 }] }, [1]],
    ['[*][*]', [[1], [2, 3]], [1, 2, 3]],
    ['a', null, []],
    ['constructor', {}, []],
    ['a.length', { a: [1] }, []],
  ])('%s of %j is %j', (path, answer, found) => {
    expect(all(path, answer)).toEqual(found);
  });

  it('fills a known value into a quoted key, as a key and never as syntax', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        const answer = Object.fromEntries([[id, { status: 'done' }]]);
        expect(all('["{ID}"].status', answer, id)).toEqual(['done']);
      }),
    );
    expect(all('["{ID}"].status', { a: { b: 1 } }, 'a"].b')).toEqual([]);
    // Bare names are no place for values.
    expect(all('{ID}', { '{ID}': 1 }, 'a')).toEqual([1]);
  });

  it.each([
    ['a[*', 'p: column 3: expected "]", a number or a quoted key'],
    ['a[**]', 'p: column 3: expected "]", a number or a quoted key'],
    ['a..b', 'p: column 3: expected a name; other keys are written ["like this"]'],
    ['a["${secret:X}"]', 'p: must not hold ${secret:…}'],
  ])('is refused with the column where it is not understood: %s', (path, message) => {
    expect(() => compileValuePath(path, 'p', vocabulary)).toThrow(message);
  });

  it('leaves the path to one value as it was', () => {
    expect(() => parsePath('a[*]', 'p')).toThrow('p: column 3: expected "]", a number or a quoted key');
    expect(parsePath('a.*.b', 'p')).toEqual(['a', '*', 'b']);
    expect(printPath(['a', '*'])).toBe('a.*');
  });
});
