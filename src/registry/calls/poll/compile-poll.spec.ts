import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../../input/input-errors.js';
import { aPollWorker, compiled } from '../../../../test/fixtures/poll-worker.js';

function faultsOf(more: object): readonly string[] {
  try {
    compiled(more);
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.details.map(({ field, problem }) => `${field}: ${problem}`);
  }
  return [];
}
const poll = (more: object) => ({ poll: { ...aPollWorker().poll, ...more } });

describe('a poll that can be registered', () => {
  it('has no faults', () => {
    expect(faultsOf({})).toEqual([]);
  });

  it('has the intervals that it gives, and others by default', () => {
    expect(compiled(poll({ interval_ms: 500 })).poll).toMatchObject({
      intervalMs: 500,
      timeoutMs: 1_800_000,
      notFoundMs: 30_000,
      submitTimeoutMs: 60_000,
      queueMs: 600_000,
      resubmit: 'never',
      as: 'url',
      store: false,
      expiresS: null,
    });
  });
});

describe('a poll with faults is refused, each at its field', () => {
  const request = { url: '/r/{TASK_ID}' };
  it.each<[string, object, readonly string[]]>([
    ['no state is done', poll({ state: { path: 's', failed: ['F'] } }), ['poll.state: never means done']],
    [
      'a word in two states of one path',
      poll({ state: { path: 's', done: ['D', 'X'], failed: ['X'] } }),
      ['poll.state.failed: lists "X", which done lists, too'],
    ],
    [
      'a word in two rules of one path',
      poll({
        state: [
          { path: 's', done: ['D'] },
          { path: 's', failed: ['D'] },
        ],
      }),
      ['poll.state[1].failed: lists "D", which done lists, too'],
    ],
    [
      'a rule without states',
      poll({ state: [{ path: 's', done: ['D'] }, { path: 'x' }] }),
      ['poll.state[1]: names no state'],
    ],
    [
      'a state of another name',
      poll({ state: { path: 's', done: ['D'], stopped: ['S'] } }),
      ['poll.state.stopped: is not a field here'],
    ],
    [
      'nothing says which task is meant',
      poll({ keep: undefined, status: { url: '/t' }, cancel: undefined }),
      ['poll.keep: is missing', 'poll.status: names no task'],
    ],
    [
      'a kept value that is used nowhere',
      poll({ keep: { TASK_ID: 'id', OTHER: 'x' } }),
      ['poll.keep.OTHER: is used nowhere'],
    ],
    ['a status without a task', poll({ status: { url: '/t' } }), ['poll.status: names no task']],
    [
      "a client's words in a step",
      poll({ status: { url: '/t/{TASK_ID}?p={USER_PROMPT}' } }),
      ['poll.status.url: holds {USER_PROMPT}, which is not known here'],
    ],
    [
      'a name that nothing has',
      poll({ status: { url: '/t/{TASKID}' } }),
      [
        'poll.status.url: holds {TASKID}, which is not known here; known are {TASK_ID}, {MODEL_NAME}, {JOB_ID}, {REQUEST_ID}',
      ],
    ],
    [
      'a placeholder in the host',
      poll({ status: { url: 'http://{TASK_ID}/t' } }),
      ['poll.status.url: may have placeholders in path and query only'],
    ],
    [
      'another origin',
      poll({ status: { url: 'https://other.example.com/{TASK_ID}' } }),
      ['poll.status.url: leads to https://other.example.com, which is neither'],
    ],
    [
      'a URL without a beginning',
      poll({ status: { url: 'tasks/{TASK_ID}' } }),
      ["poll.status.url: must be a URL, a path that begins with / at the worker's origin, or"],
    ],
    [
      'a path that does not parse',
      poll({ state: { path: 'a[', done: ['D'] } }),
      ['poll.state.path: column 3: expected'],
    ],
    [
      'an error path that does not parse',
      poll({ error: ['ok', 'a..b'] }),
      ['poll.error[1]: column 3: expected a name'],
    ],
    [
      'bytes without a request',
      poll({ result: { as: 'bytes' } }),
      ['poll.result.request: is missing: with as "bytes"'],
    ],
    [
      'bytes with an extract',
      poll({ result: { as: 'bytes', extract: 'a', request } }),
      ['poll.result.extract: is not used with as "bytes"'],
    ],
    [
      'no extract',
      poll({ result: { as: 'base64' } }),
      ['poll.result.extract: is missing: the path of the base64 text'],
    ],
    [
      'each without a request',
      poll({ result: { as: 'url', extract: 'a', each: 'b' } }),
      ['poll.result.each: is used with request only'],
    ],
    [
      'what a step of each knows, elsewhere',
      poll({ result: { as: 'bytes', request, keep: { FILE: 'f' } }, cancel: [{ url: '/{FILE}' }] }),
      [
        'poll.result.keep.FILE: is used nowhere in poll.result.request',
        'poll.cancel[0].url: holds {FILE}, which is not known here',
      ],
    ],
    [
      'a first poll by a kept value',
      poll({ resubmit: 'ask' }),
      [
        'poll.keep: is not used with resubmit "ask": a task that is found by {JOB_ID} has no answer to its submit',
        'poll.resubmit: is "ask", so the status must hold {JOB_ID}',
        'poll.resubmit: is "ask", so the submit must hold {JOB_ID}',
      ],
    ],
    [
      'a kept name that is a placeholder',
      poll({ keep: { TASK_ID: 'id', SIZE: 'x' } }),
      ['poll.keep.SIZE: is the name of a placeholder'],
    ],
    [
      'a kept name in small letters',
      poll({ keep: { TASK_ID: 'id', id: 'x' } }),
      ['poll.keep.id: must be a name of 1 to 40 capitals'],
    ],
    [
      'a body with GET',
      poll({ status: { url: '/{TASK_ID}', body: { a: 1 } } }),
      ['poll.status.body: is not sent with method GET'],
    ],
    [
      'a faulty body of a step',
      poll({ cancel: { method: 'POST', url: '/{TASK_ID}', body: { a: { b: '{SEED}' } } } }),
      ['poll.cancel.body.a.b: holds {SEED}, which is not known here'],
    ],
    [
      'a faulty header of a step',
      poll({ status: { url: '/{TASK_ID}', header: { 'a b': 'x' } } }),
      ['poll.status.header["a b"]: is not a valid header name'],
    ],
    [
      'an origin with a path',
      poll({ origins: ['https://a.example.com/v1'] }),
      ['poll.origins[0]: must be an origin'],
    ],
    [
      'an interval that is too short',
      poll({ interval_ms: 499 }),
      ['poll.interval_ms: must be from 500 to 3600000, not 499'],
    ],
    [
      'a status that is missing',
      poll({ status: undefined }),
      ['poll.status: must be an object; it is missing'],
    ],
    ['response_extract beside it', { response_extract: 'a' }, ['response_extract: is not used beside poll']],
    [
      'streams beside it',
      { is_stream: true, usage_extract: { input: 'a', output: 'b' } },
      ['is_stream: is not used beside poll', 'usage_extract: is not used beside poll'],
    ],
    [
      'a probe that would submit',
      { health_check: { kind: 'inference' } },
      ['health_check.kind: must be http, tcp or none beside poll'],
    ],
    [
      'another protocol',
      { protocol: 'openai', body: undefined },
      ['poll: is used with protocol "template" only'],
    ],
    [
      'a hole in a longer text',
      { body: { p: '{USER_PROMPT}', d: '{SECONDS}s' } },
      ['body.d: holds {SECONDS} inside a longer text, so it needs defaults.seconds'],
    ],
    [
      'choices that exclude the default',
      {
        body: { p: '{USER_PROMPT}', d: '{SECONDS}' },
        defaults: { seconds: 7 },
        choices: { SECONDS: [5, 10] },
      },
      ["choices.SECONDS: excludes the worker's own defaults.seconds: it must be one of 5, 10"],
    ],
    ['choices of nothing', { choices: { SECONDS: [5] } }, ['choices.SECONDS: is used nowhere']],
  ])('%s', (_, more, expected) => {
    const faults = faultsOf(more);
    expect(faults.map((fault, at) => fault.slice(0, expected[at]?.length))).toEqual(expected);
  });

  it('all at once, also those of shape beside those of sense', () => {
    const faults = faultsOf({
      ...poll({ status: { url: '/t' }, state: { path: 'a[', failed: ['F'] }, result: { as: 'url' } }),
      weight: 0,
    });
    expect(faults.map((fault) => fault.split(':', 1)[0])).toEqual([
      'weight',
      'poll.state.path',
      'poll.state',
      'poll.result.extract',
      'poll.status',
    ]);
  });
});
