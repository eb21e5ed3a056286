import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NoWorkerAvailableError, UnknownModelError } from '../../balancing/balancing-errors.js';
import { UpstreamError, UpstreamStatusError } from '../../upstream/upstream-errors.js';
import { UnsupportedFieldError } from '../chat/chat-errors.js';
import { fallbacksOf, mayFallBack } from './failover.js';

const follow = (model: string, all: Readonly<Record<string, readonly string[]>>): readonly string[] => [
  ...fallbacksOf(model, (name) => all[name] ?? []),
];

describe('the fallbacks of a model', () => {
  it('come in order, each with its own behind it', () => {
    expect(follow('a', { a: ['b', 'c'], b: ['d'], c: ['e'] })).toEqual(['b', 'd', 'c', 'e']);
    expect(follow('a', {})).toEqual([]);
  });

  it('are each asked once and end, whatever circles a hand has drawn', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const drawn = fc.dictionary(names, fc.array(names, { maxLength: 5 }));
    fc.assert(
      fc.property(names, drawn, (model, all) => {
        const order = follow(model, all);
        expect(new Set([model, ...order]).size).toBe(order.length + 1);
        const reached = new Set(order).add(model);
        for (const name of reached) for (const next of all[name] ?? []) expect(reached).toContain(next);
      }),
    );
  });
});

describe('another model', () => {
  it.each([
    ['has no worker that can be used', new NoWorkerAvailableError('m', 1, 'all unhealthy')],
    ['is not known', new UnknownModelError('m')],
    ['refuses', new UpstreamStatusError(503, undefined)],
    ['has no words for what is asked', new UnsupportedFieldError('tools', 'are known to no template')],
    ['rejects our credentials', new UpstreamStatusError(401, undefined)],
    ['cannot be reached', new UpstreamError('connect', 'refused', { answerBegan: false })],
  ])('is asked when the model %s', (_why, error) => expect(mayFallBack(error)).toBe(true));

  it.each([
    ['the caller is at fault', new UpstreamStatusError(422, undefined)],
    [
      'an answer took too long, which may be nearly made',
      new UpstreamError('timeout', 'late', { answerBegan: false, during: 'total' }),
    ],
    ['the caller has gone', new UpstreamError('aborted', 'gone', { answerBegan: false })],
    ['it is our own fault', new TypeError('oops')],
  ])('is not asked when %s', (_why, error) => expect(mayFallBack(error)).toBe(false));
});
