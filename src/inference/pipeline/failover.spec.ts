import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NoWorkerAvailableError, UnknownModelError } from '../../balancing/balancing-errors.js';
import { UpstreamError } from '../../upstream/failure.js';
import { UnsupportedFieldError } from '../chat/chat-errors.js';
import { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import { fallbacksOf, mayFallBack } from './failover.js';

const follow = (model: string, all: Readonly<Record<string, readonly string[]>>): readonly string[] => [
  ...fallbacksOf(model, (name) => all[name] ?? []),
];

describe('the fallbacks of a model', () => {
  it('come in order, each followed by its own', () => {
    expect(follow('a', { a: ['b', 'c'], b: ['d'], c: ['e'] })).toEqual(['b', 'd', 'c', 'e']);
    expect(follow('a', {})).toEqual([]);
  });

  it('are each tried once, whatever cycles SQL created', () => {
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

describe('a fallback', () => {
  it.each([
    ['has no worker that can be used', new NoWorkerAvailableError('m', 1, 'all unhealthy')],
    ['is unknown', new UnknownModelError('m')],
    ['answers 503', new UpstreamRejectedError(503)],
    ['cannot serve the request', new UnsupportedFieldError('tools', 'not supported')],
    ['rejects our credentials', new UpstreamRejectedError(401)],
    ['cannot be reached', new UpstreamError('connect', 'refused')],
  ])('is tried when the model %s', (_why, error) => expect(mayFallBack(error)).toBe(true));

  it.each([
    ['the request is at fault', new UpstreamRejectedError(422)],
    ['a long answer may be nearly done', new UpstreamError('total_timeout', 'late')],
    ['the client disconnected', new UpstreamError('aborted', 'gone')],
    ['the manager has a bug', new TypeError('oops')],
  ])('is not tried when %s', (_why, error) => expect(mayFallBack(error)).toBe(false));
});
