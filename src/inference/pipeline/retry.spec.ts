import { describe, expect, it } from 'vitest';
import { DEFAULT_RETRY_LIMITS, RetryBudget } from '../../balancing/admission/retry-budget.js';
import { NoWorkerAvailableError } from '../../balancing/balancing-errors.js';
import { SecretMissingError } from '../../credentials/worker-secrets.js';
import {
  UpstreamError,
  type UpstreamErrorKind,
  UpstreamStatusError,
} from '../../upstream/upstream-errors.js';
import { UnsupportedFieldError } from '../chat/chat-errors.js';
import { type RetryRules, retrying } from './retry.js';

const failure = (kind: UpstreamErrorKind, reusedConnection = false): UpstreamError =>
  new UpstreamError(kind, kind, { answerBegan: false, reusedConnection });

interface Outcome {
  /** Who was asked, in order; `+` on a connection of its own. */
  readonly asked: readonly string[];
  readonly ending: unknown;
}

/** Workers in the order in which they are picked, each failing with what is given for it in turn, then answering. */
async function walk(
  workers: Readonly<Record<string, readonly Error[]>>,
  changed: Partial<RetryRules> = {},
): Promise<Outcome> {
  const budget = new RetryBudget(DEFAULT_RETRY_LIMITS);
  const rules: RetryRules = {
    limits: DEFAULT_RETRY_LIMITS,
    causes: null,
    budget: () => budget,
    workers: () => Object.keys(workers).length,
    shouldContinue: () => true,
    random: () => 0.1,
    excludeIncapable: () => false,
    ...changed,
  };
  const asked: string[] = [];
  const ending = await retrying<string>(({ tried, freshConnection: ownConnection }) => {
    const id = Object.keys(workers).find((name) => !tried.has(name));
    if (id === undefined) throw new NoWorkerAvailableError('m', 1, 'tried already');
    const before = asked.filter((name) => name.startsWith(id)).length;
    tried.add(id);
    asked.push(ownConnection ? `${id}+` : id);
    const error = workers[id]?.[before];
    return error === undefined ? Promise.resolve(`by ${id}`) : Promise.reject(error);
  }, rules).catch((error: unknown) => error);
  return { asked, ending };
}

describe('a call that failed', () => {
  it.each<[string, Error]>([
    ['it was refused', failure('connect')],
    ['it was closed before an answer', failure('closed_before_answer')],
    ['the guard forbids it', failure('forbidden')],
    ['one of its secrets is missing', new SecretMissingError('KEY', 'is not there')],
    [
      'no connection came about in time',
      new UpstreamError('timeout', 'late', { answerBegan: false, during: 'connect' }),
    ],
  ])('goes elsewhere when %s', async (_why, error) => {
    expect(await walk({ a: [error], b: [error], c: [] })).toEqual({ asked: ['a', 'b', 'c'], ending: 'by c' });
    expect(await walk({ a: [error], b: [error] })).toEqual({ asked: ['a', 'b'], ending: error });
  });

  it.each<[string, Error]>([
    ['the answer broke off', failure('broken')],
    ['what came is no HTTP', failure('malformed')],
    ['the answer is too large', failure('too_large')],
    ['the caller gave up', failure('aborted')],
    ['the answer was late', new UpstreamError('timeout', 'late', { answerBegan: false, during: 'total' })],
    ['the caller is at fault', new UpstreamStatusError(422, undefined)],
    ['of a mistake of our own', new TypeError('x')],
  ])('does not when %s: the work may have been done', async (_why, error) => {
    expect(await walk({ a: [error], b: [] })).toEqual({ asked: ['a'], ending: error });
  });

  it('says that there is no worker only if none was asked', async () => {
    expect((await walk({})).ending).toBeInstanceOf(NoWorkerAvailableError);
  });
});

describe('an answer that says no', () => {
  const no = new UpstreamStatusError(500, undefined);

  it.each([401, 429, 500, 502, 503, 504, 529])('is a reason to ask another: %i', async (status) => {
    const error = new UpstreamStatusError(status, undefined);
    expect(await walk({ a: [error], b: [] })).toEqual({ asked: ['a', 'b'], ending: 'by b' });
  });

  it('is taken from the third worker', async () => {
    expect(await walk({ a: [no], b: [no], c: [no], d: [] })).toEqual({ asked: ['a', 'b', 'c'], ending: no });
  });

  it('is taken when the budget of the model is spent', async () => {
    const spent = new RetryBudget({ ...DEFAULT_RETRY_LIMITS, atLeast: 0 });
    expect(await walk({ a: [no], b: [] }, { budget: () => spent })).toEqual({ asked: ['a'], ending: no });
  });

  it.each([
    ['429', new UpstreamStatusError(429, undefined)],
    ['503 with Retry-After', new UpstreamStatusError(503, '1')],
  ])(
    'is retried after %s though the budget is spent, because a throttled worker did no work',
    async (_what, error) => {
      const spent = new RetryBudget({ ...DEFAULT_RETRY_LIMITS, atLeast: 0 });
      expect(await walk({ a: [error], b: [] }, { budget: () => spent })).toEqual({
        asked: ['a', 'b'],
        ending: 'by b',
      });
    },
  );

  it('is taken when nobody waits for another', async () => {
    expect(await walk({ a: [no], b: [] }, { shouldContinue: () => false })).toEqual({
      asked: ['a'],
      ending: no,
    });
  });
});

describe('a request that a worker has no words for', () => {
  const wordless = new UnsupportedFieldError('messages[0]', 'is of another world');
  const gone = failure('connect');
  /** `c` and `d` speak the caller's language. */
  const excludeIncapable = (tried: Set<string>): boolean => {
    for (const id of ['a', 'b']) tried.add(id);
    return !tried.has('c') || !tried.has('d');
  };

  it('goes at once to those that need none, past all others, and costs no budget', async () => {
    const spent = new RetryBudget({ ...DEFAULT_RETRY_LIMITS, atLeast: 0 });
    const rules = { excludeIncapable, budget: () => spent };
    expect(await walk({ a: [wordless], b: [], c: [] }, rules)).toEqual({ asked: ['a', 'c'], ending: 'by c' });
    const missing = { a: [wordless], b: [], c: [gone], d: [] };
    expect(await walk(missing, rules)).toEqual({ asked: ['a', 'c', 'd'], ending: 'by d' });
  });

  it('is refused for that where nobody needs none', async () => {
    expect(await walk({ a: [wordless], b: [] })).toEqual({ asked: ['a'], ending: wordless });
  });

  it('fails by what went wrong with those that need none', async () => {
    expect(await walk({ c: [gone], a: [wordless] })).toEqual({ asked: ['c', 'a'], ending: gone });
    expect(await walk({ a: [wordless], c: [gone], d: [gone] }, { excludeIncapable })).toEqual({
      asked: ['a', 'c', 'd'],
      ending: gone,
    });
    const { ending } = await walk({ a: [wordless], b: [] }, { excludeIncapable });
    expect(ending).toBeInstanceOf(NoWorkerAvailableError);
  });
});

describe('a kept connection that closes', () => {
  const stale = failure('closed_before_answer', true);

  it('is a reason to go elsewhere first', async () => {
    expect(await walk({ a: [stale], b: [] })).toEqual({ asked: ['a', 'b'], ending: 'by b' });
  });

  it('is forgiven when there is nobody else, once, on a new connection', async () => {
    expect(await walk({ a: [stale] })).toEqual({ asked: ['a', 'a+'], ending: 'by a' });
    expect(await walk({ a: [stale, stale] })).toEqual({ asked: ['a', 'a+'], ending: stale });
    expect(await walk({ a: [stale, stale], b: [failure('connect')], c: [stale] })).toEqual({
      asked: ['a', 'b', 'c', 'a+', 'c+'],
      ending: 'by c',
    });
  });
});
