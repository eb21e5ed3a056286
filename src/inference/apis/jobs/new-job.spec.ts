import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../../input/input-errors.js';
import { baseUrlOf } from './job-results.js';
import { isKept } from './hang-ups.js';
import {
  idempotencyKeyOf,
  ignoredFields,
  kindOf,
  preferenceApplied,
  readPrefer,
  requestHash,
  retryCountOf,
} from './new-job.js';
import { readJobInput } from './read-job-input.js';

describe('a request for a job', () => {
  const hashOf = (fields: Record<string, unknown>, model = 'm', tenant: string | null = null) =>
    requestHash({ model, kind: 'image', input: readJobInput(fields), webhookUrl: null }, tenant);

  it('has the same hash in whatever order its fields come, and another one where anything differs', () => {
    expect(hashOf({ prompt: 'x', n: 2, size: '1x1' })).toBe(hashOf({ size: '1x1', n: '2', prompt: 'x' }));
    const others = [
      { prompt: 'y' },
      { prompt: 'x', n: 1 },
      { prompt: 'x', style: 'a' },
      { prompt: 'x', style: 'b' },
    ];
    const hashes = [
      hashOf({ prompt: 'x' }, 'm'),
      hashOf({ prompt: 'x' }, 'n'),
      hashOf({ prompt: 'x' }, 'm', 'search'),
      hashOf({ prompt: 'x' }, 'm', 'ads'),
      ...others.map((fields) => hashOf(fields)),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('takes an Idempotency-Key that a header can hold and a DBA can read', () => {
    const keyOf = (...keys: string[]) => idempotencyKeyOf({ headersDistinct: { 'idempotency-key': keys } });
    expect(idempotencyKeyOf({ headersDistinct: {} })).toBeNull();
    expect(keyOf('a b-1')).toBe('a b-1');
    for (const keys of [[''], ['k'.repeat(256)], ['ä'], ['a', 'b'], ['a', 'a']])
      expect(() => keyOf(...keys)).toThrow(InvalidInputError);
  });

  it('is a retry only where an OpenAI client says so', () => {
    expect(
      ['0', '2', 'x', undefined].map((count) => retryCountOf({ 'x-stainless-retry-count': count })),
    ).toEqual([0, 2, null, null]);
  });

  it('makes what the workers of its model make', () => {
    expect(kindOf([])).toBe('text');
    expect(kindOf([{ task: null }, { task: 'chat' }])).toBe('text');
    expect(kindOf([{ task: 'chat' }, { task: 'video' }])).toBe('video');
  });

  it('names the hints that no template has a place for', () => {
    const input = readJobInput({ prompt: 'x', quality: 'hd', seed: 1, style: 'a', 'bad name': 1, steps: 2 });
    expect(ignoredFields(input, [new Set(['SEED']), new Set(['EXTRA.steps'])])).toEqual(['quality', 'style']);
  });
});

describe('a client that hung up', () => {
  it('keeps its job only where the worker that has it says so, or all of them before one has it', () => {
    const abort = { id: 'a', onDisconnect: 'abort' } as const;
    const finish = { id: 'f', onDisconnect: 'finish' } as const;
    expect(isKept('f', [abort, finish])).toBe(true);
    expect(isKept('a', [abort, finish])).toBe(false);
    expect(isKept(null, [abort, finish])).toBe(false);
    expect(isKept(null, [finish, finish])).toBe(true);
    expect(isKept('gone', [])).toBe(false);
  });
});

describe('the base of a link', () => {
  const from = (headers: Record<string, string>) =>
    baseUrlOf({ headers, protocol: 'http', host: 'own:8007' });

  it('is how the client reached the service, through a proxy, too', () => {
    expect(from({})).toBe('http://own:8007');
    expect(from({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'models.example' })).toBe(
      'https://models.example',
    );
    expect(from({ 'x-forwarded-proto': 'https, http' })).toBe('https://own:8007');
    expect(from({ 'x-forwarded-host': '[::1]:80' })).toBe('http://[::1]:80');
  });

  it('is a valid origin whatever a proxy says', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (proto, host) => {
        const base = from({ 'x-forwarded-proto': proto, 'x-forwarded-host': host });
        expect(base).toMatch(/^https?:\/\/[^/\s?#"'<>\\@]+$/);
      }),
    );
  });
});

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
