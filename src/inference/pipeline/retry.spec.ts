import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../balancing/admission/retry-budget.js';
import { DEFAULT_RETRY_LIMITS } from '../../config/tuning.js';
import { NoWorkerAvailableError } from '../../balancing/balancing-errors.js';
import { UpstreamError, type FailureKind } from '../../upstream/failure.js';
import { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import { UnsupportedFieldError } from '../chat/chat-errors.js';
import { type RetryRules, retrying } from './retry.js';

const failure = (kind: FailureKind): UpstreamError => new UpstreamError(kind, kind);

interface Run {
  /** The workers in the order of the attempts; `+`: on a new connection. */
  readonly attempts: readonly string[];
  readonly ending: unknown;
}

/** Workers in the order in which they are picked: each fails with its errors in turn, then answers. */
async function run(
  workers: Readonly<Record<string, readonly Error[]>>,
  changed: Partial<RetryRules> = {},
): Promise<Run> {
  const budget = new RetryBudget(DEFAULT_RETRY_LIMITS);
  const rules: RetryRules = {
    limits: DEFAULT_RETRY_LIMITS,
    causes: null,
    budget: () => budget,
    workers: () => Object.keys(workers).length,
    shouldContinue: () => true,
    isCommitted: () => false,
    excluded: null,
    random: () => 0.1,
    excludeIncapable: () => false,
    ...changed,
  };
  const attempts: string[] = [];
  const ending = await retrying<string>(({ tried, freshConnection: ownConnection }) => {
    const id = Object.keys(workers).find((name) => !tried.has(name));
    if (id === undefined) throw new NoWorkerAvailableError('m', 1, 'tried already');
    const before = attempts.filter((name) => name.startsWith(id)).length;
    tried.add(id);
    attempts.push(ownConnection ? `${id}+` : id);
    const error = workers[id]?.[before];
    return error === undefined ? Promise.resolve(`by ${id}`) : Promise.reject(error);
  }, rules).catch((error: unknown) => error);
  return { attempts, ending };
}

describe('an attempt that failed', () => {
  it.each<[string, Error]>([
    ['the connection was refused', failure('connect')],
    ['the connection closed before an answer', failure('closed_before_answer')],
    ['the guard denies the address', failure('address_forbidden')],
    ['one of its secrets is missing', failure('secret_missing')],
    ['no connection was made in time', new UpstreamError('connect_timeout', 'late')],
  ])('is retried at another worker at once when %s', async (_why, error) => {
    expect(await run({ a: [error], b: [error], c: [] })).toEqual({
      attempts: ['a', 'b', 'c'],
      ending: 'by c',
    });
    expect(await run({ a: [error], b: [error] })).toEqual({ attempts: ['a', 'b'], ending: error });
  });

  it.each<[string, Error]>([
    ['the answer broke off', failure('broken')],
    ['the answer is not HTTP', failure('bad_answer')],
    ['the answer is too large', failure('too_large')],
    ['the client disconnected', failure('aborted')],
    ['the answer was late', new UpstreamError('total_timeout', 'late')],
    ['the request is at fault', new UpstreamRejectedError(422)],
    ['the manager has a bug', new TypeError('x')],
  ])('is not retried when %s', async (_why, error) => {
    expect(await run({ a: [error], b: [] })).toEqual({ attempts: ['a'], ending: error });
  });

  it('reports that there is no worker only if none was tried', async () => {
    expect((await run({})).ending).toBeInstanceOf(NoWorkerAvailableError);
  });
});

describe('a worker that rejects the request', () => {
  const no = new UpstreamRejectedError(500);

  it.each([401, 429, 500, 502, 503, 504, 529])('leads to another worker after status %i', async (status) => {
    const error = new UpstreamRejectedError(status);
    expect(await run({ a: [error], b: [] })).toEqual({ attempts: ['a', 'b'], ending: 'by b' });
  });

  it('is tried at most twice more', async () => {
    expect(await run({ a: [no], b: [no], c: [no], d: [] })).toEqual({
      attempts: ['a', 'b', 'c'],
      ending: no,
    });
  });

  it('is not retried when the retry budget of the model is spent', async () => {
    const spent = new RetryBudget({ ...DEFAULT_RETRY_LIMITS, atLeast: 0 });
    expect(await run({ a: [no], b: [] }, { budget: () => spent })).toEqual({ attempts: ['a'], ending: no });
  });

  it.each([
    ['429', new UpstreamRejectedError(429)],
    ['503 with Retry-After', new UpstreamRejectedError(503, { retryAfterMs: 1000 })],
  ])('is retried after %s though the retry budget is spent', async (_status, error) => {
    const spent = new RetryBudget({ ...DEFAULT_RETRY_LIMITS, atLeast: 0 });
    const { attempts, ending } = await run({ a: [error], b: [] }, { budget: () => spent });
    expect(attempts).toEqual(['a', 'b']);
    expect(ending).toBe('by b');
  });

  it('is passed over when it lacks the model, whatever causes the model names, and the others serve', async () => {
    const lost = new UpstreamRejectedError(404);
    expect(await run({ a: [lost], b: [lost], c: [] }, { causes: new Set(['503']) })).toEqual({
      attempts: ['a', 'b', 'c'],
      ending: 'by c',
    });
  });

  it('reports a missing model only when every worker lacks it', async () => {
    const lost = new UpstreamRejectedError(404);
    expect((await run({ a: [lost], b: [lost] })).ending).toBe(lost);
    expect((await run({ a: [lost], b: [no] })).ending).toBe(no);
    expect((await run({ a: [no], b: [lost] })).ending).toBe(no);
    expect((await run({ a: [lost] }, { workers: () => 2 })).ending).toBeInstanceOf(NoWorkerAvailableError);
  });

  it('is not retried once the client has received a byte', async () => {
    const { attempts } = await run({ a: [failure('connect')], b: [] }, { isCommitted: () => true });
    expect(attempts).toEqual(['a']);
  });

  it('is not retried when the client no longer waits', async () => {
    expect(await run({ a: [no], b: [] }, { shouldContinue: () => false })).toEqual({
      attempts: ['a'],
      ending: no,
    });
  });
});

describe('a request whose worker refuses it because it sleeps', () => {
  const asleep = new NoWorkerAvailableError('m', 1, '1 asleep, waking');
  const refused = failure('connect');
  /** What is not in use again keeps its turn: the balancer takes the worker back from `tried`. */
  const sleepy = (answers: readonly (Error | string)[], causes: RetryRules['causes'] = null) => {
    const left = [...answers];
    const budget = new RetryBudget(DEFAULT_RETRY_LIMITS);
    return retrying<string>(
      ({ tried }) => {
        tried.add('a');
        const next = left.shift() ?? asleep;
        if (next === refused) tried.delete('a');
        return typeof next === 'string' ? Promise.resolve(next) : Promise.reject(next);
      },
      {
        limits: DEFAULT_RETRY_LIMITS,
        causes,
        budget: () => budget,
        workers: () => 1,
        shouldContinue: () => true,
        isCommitted: () => false,
        excluded: null,
        random: () => 0.1,
        excludeIncapable: () => false,
      },
    ).catch((error: unknown) => error);
  };

  it('waits for it whatever retry_on names, and fails because it sleeps when its time is up', async () => {
    expect(await sleepy([refused, refused, 'awake'], new Set(['500']))).toBe('awake');
    expect(await sleepy([refused])).toBe(asleep);
  });
});

describe('a request that a worker cannot serve', () => {
  const incapable = new UnsupportedFieldError('messages[0]', 'is unsupported');
  const gone = failure('connect');
  /** `c` and `d` can serve it. */
  const excludeIncapable = (tried: Set<string>): boolean => {
    for (const id of ['a', 'b']) tried.add(id);
    return !tried.has('c') || !tried.has('d');
  };

  it('goes at once to a worker that can, without spending the retry budget', async () => {
    const spent = new RetryBudget({ ...DEFAULT_RETRY_LIMITS, atLeast: 0 });
    const rules = { excludeIncapable, budget: () => spent };
    expect(await run({ a: [incapable], b: [], c: [] }, rules)).toEqual({
      attempts: ['a', 'c'],
      ending: 'by c',
    });
    const missing = { a: [incapable], b: [], c: [gone], d: [] };
    expect(await run(missing, rules)).toEqual({ attempts: ['a', 'c', 'd'], ending: 'by d' });
  });

  it('fails with the reason where no worker can', async () => {
    expect(await run({ a: [incapable], b: [] })).toEqual({ attempts: ['a'], ending: incapable });
  });

  it('fails with the error of the workers that can', async () => {
    expect(await run({ c: [gone], a: [incapable] })).toEqual({ attempts: ['c', 'a'], ending: gone });
    expect(
      await run({ a: [incapable], c: [gone], d: [gone] }, { excludeIncapable: excludeIncapable }),
    ).toEqual({
      attempts: ['a', 'c', 'd'],
      ending: gone,
    });
    const { ending } = await run({ a: [incapable], b: [] }, { excludeIncapable: excludeIncapable });
    expect(ending).toBeInstanceOf(NoWorkerAvailableError);
  });
});

describe('a kept connection that the worker closed', () => {
  const stale = failure('stale_connection');

  it('leads to another worker first', async () => {
    expect(await run({ a: [stale], b: [] })).toEqual({ attempts: ['a', 'b'], ending: 'by b' });
  });

  it('leads to the same worker once more, on a new connection, when no other is left', async () => {
    expect(await run({ a: [stale] })).toEqual({ attempts: ['a', 'a+'], ending: 'by a' });
    expect(await run({ a: [stale, stale] })).toEqual({ attempts: ['a', 'a+'], ending: stale });
    expect(await run({ a: [stale, stale], b: [failure('connect')], c: [stale] })).toEqual({
      attempts: ['a', 'b', 'c', 'a+', 'c+'],
      ending: 'by c',
    });
  });
});
