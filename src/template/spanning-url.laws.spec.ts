import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import type { Vocabulary } from './placeholders.js';
import { RenderError } from './template-error.js';
import { compileUrl } from './url-template.js';

const vocabulary: Vocabulary = (name) =>
  name === 'TASK' ? 'KEPT.TASK' : name === 'MODEL_NAME' ? 'MODEL_NAME' : undefined;
const noSecret = (): never => expect.unreachable('a secret was looked up');
const render = (url: string, task: string | undefined) =>
  compileUrl(url, undefined, 'url', vocabulary).render(
    { MODEL_NAME: 'm', REQUEST_ID: 'r', 'KEPT.TASK': task },
    noSecret,
  );
const unit = fc.constantFrom('/', '.', ':', '%', '?', '#', '@', '\\', 'a', '2e', ' ', 'ü', ';');
const hostile = fc.array(unit).map((pieces) => pieces.join(''));

function rendered(task: string): string | null {
  try {
    return render('http://h/v1/{+TASK}/end', task);
  } catch (error) {
    if (error instanceof RenderError) return null;
    throw error;
  }
}

describe('{+NAME} in a path', () => {
  it('keeps slashes and colons, and never leaves its place', () => {
    fc.assert(
      fc.property(hostile, (task) => {
        const path = rendered(task);
        // Dot segments are refused, below.
        if (path === null) return;
        const url = new URL(`http://h${path}`);
        expect(url.host).toBe('h');
        expect(url.pathname).toBe(path);
        expect([url.search, url.hash]).toEqual(['', '']);
        expect(path.startsWith('/v1/') && path.endsWith('/end')).toBe(true);
        expect(decodeURIComponent(path)).toBe(`/v1/${task}/end`);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['..', 'a/../b', './a', 'a/%2e%2e/b', 'a/.'])('refuses the dot segments of %s', (task) => {
    expect(() => render('http://h/{+TASK}', task)).toThrow(RenderError);
  });

  it.each([
    ['http://h/{+TASK}', 'models/veo:run/operations/1 2', '/models/veo:run/operations/1%202'],
    ['http://h/{TASK}', 'a/b:c', '/a%2Fb%3Ac'],
    ['http://h/x?q={TASK}', 'a/b', '/x?q=a%2Fb'],
    ['http://h/{+MODEL_NAME}/x', '', '/m/x'],
  ])('%s with %s is %s', (url, task, path) => {
    expect(render(url, task)).toBe(path);
  });

  it.each([
    ['http://h/x?q={+TASK}', 'url: may hold {+…} in the path of a URL only'],
    ['http://h{+TASK}/', 'url: may have placeholders in path and query only'],
  ])('%s is a fault', (url, message) => {
    expect(() => compileUrl(url, undefined, 'url', vocabulary)).toThrow(message);
  });

  it('is for models and kept values only, since it decides where a request goes', () => {
    expect(() => compileUrl('http://h/{+USER_PROMPT}', undefined)).toThrow(
      'for {MODEL_NAME} and kept values only',
    );
  });

  it('needs a kept value: an empty segment would be another address', () => {
    expect(() => render('http://h/{TASK}', undefined)).toThrow('url: {TASK} has no value');
    expect(render('http://h/x?q={TASK}', undefined)).toBe('/x');
  });
});
