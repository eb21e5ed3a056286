import { describe, expect, it } from 'vitest';
import { compileSuccessWhen } from './success-when.js';

describe('success_when', () => {
  it.each<[string, unknown, unknown, boolean]>([
    ['success', true, { success: true }, true],
    ['success', true, { success: false }, false],
    ['success', true, { success: 'true' }, false],
    ['success', true, {}, false],
    ['success', true, 'no object', false],
    ['success', true, null, false],
    ['code', 1, { code: 1, result: '132' }, true],
    ['code', '200', { code: 200 }, false],
    ['error', null, { error: null }, true],
    ['error', null, {}, false],
    ['data.errors', [], { data: { errors: [] } }, true],
    ['data.errors', [], { data: { errors: ['x'] } }, false],
    ['response["data"]["list"][-1]', 'ok', { data: { list: ['a', 'ok'] } }, true],
    ['toString', 'x', {}, false],
    ['', true, true, true],
  ])('%s equals %j, for %j: %s', (path, equals, answer, succeeded) => {
    expect(compileSuccessWhen({ path, equals })(answer)).toBe(succeeded);
  });

  it('is rejected with the column of its fault, or if it has no value to compare with', () => {
    expect(() => compileSuccessWhen({ path: 'a..b', equals: 1 })).toThrow(
      expect.objectContaining({ name: 'TemplateError', field: 'success_when.path' }),
    );
    expect(() => compileSuccessWhen({ path: 'a', equals: undefined })).toThrow(
      'success_when.equals: must be a string, a number, true, false or null; it is missing',
    );
  });
});
