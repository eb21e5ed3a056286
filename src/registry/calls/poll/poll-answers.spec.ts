import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { aPollWorker, compiled } from '../../../../test/fixtures/poll-worker.js';
import type { HttpAnswer, PollCall } from '../../poll.js';

const KNOWN = { MODEL_NAME: 'm', JOB_ID: 'j', REQUEST_ID: 'r', kept: { TASK_ID: 't' } };
const answer = (json: unknown, status = 200, headers: HttpAnswer['headers'] = {}): HttpAnswer => ({
  status,
  headers,
  body: Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)),
});
const poll = (more: object = {}, besides: object = {}): PollCall => {
  const { poll: call } = compiled({ ...besides, poll: { ...aPollWorker().poll, ...more } });
  if (call === null) throw new Error('no poll');
  return call;
};
const PLAIN = poll();

describe('an answer to a submit', () => {
  it.each([
    [answer({ id: 'a' }), { kind: 'accepted', kept: { TASK_ID: 'a' } }],
    [answer({ id: 7 }, 201), { kind: 'accepted', kept: { TASK_ID: 7 } }],
    [answer({ id: '' }), { kind: 'refused', message: 'its answer has no id' }],
    [answer({ id: {}, error: 'no money' }), { kind: 'refused', message: 'no money' }],
    [answer({ id: 'x'.repeat(2049) }), { kind: 'refused', message: 'its answer has no id' }],
    [answer('<html>'), { kind: 'refused', message: 'its answer has no id' }],
    [
      answer({ error: { message: 'bad prompt' } }, 400),
      { kind: 'refused', message: 'bad prompt (HTTP 400)' },
    ],
    [answer('', 302), { kind: 'refused', message: 'HTTP 302' }],
    [
      answer({ error: 'slow down' }, 429, { 'retry-after': '3' }),
      { kind: 'busy', retryAfterMs: 3000, message: 'slow down (HTTP 429)' },
    ],
    [answer('', 503), { kind: 'busy', retryAfterMs: null, message: 'HTTP 503' }],
    [answer('', 500), { kind: 'unknown', message: 'HTTP 500' }],
    [answer('', 504), { kind: 'unknown', message: 'HTTP 504' }],
  ])('%o is read as %o', (sent, reading) => {
    expect(PLAIN.readSubmit(sent, { ...KNOWN, kept: {} })).toEqual(reading);
  });

  it('may say in its body that nothing was made, or that it failed', () => {
    const call = poll(
      { busy_when: { path: 'code', in: [23] } },
      { success_when: { path: 'code', in: [1, 22] } },
    );
    const read = (code: unknown, more: object = {}) =>
      call.readSubmit(answer({ id: 'a', code, ...more }), KNOWN).kind;
    expect([read(1), read(22), read(23), read('1'), read(4)]).toEqual([
      'accepted',
      'accepted',
      'busy',
      'refused',
      'refused',
    ]);
    expect(call.readSubmit(answer({ code: 24, error: 'banned' }), KNOWN)).toEqual({
      kind: 'refused',
      message: 'banned',
    });
  });
});

describe('an answer to a status', () => {
  const place = { progress: null, queuePosition: null, note: '' };
  it.each([
    [
      answer({ status: 'QUEUED', position: 3 }),
      { kind: 'queued', word: 'QUEUED', ...place, queuePosition: 3 },
    ],
    [
      answer({ status: 'RUNNING', progress: 0.456 }),
      { kind: 'running', word: 'RUNNING', ...place, progress: 46 },
    ],
    [
      answer({ status: 'RUNNING', progress: 7 }),
      { kind: 'running', word: 'RUNNING', ...place, progress: 100 },
    ],
    [answer({ status: 'RUNNING', progress: '' }), { kind: 'running', word: 'RUNNING', ...place }],
    [
      answer({ status: 'ODD' }),
      {
        kind: 'running',
        word: 'ODD',
        ...place,
        note: 'the upstream reports "ODD", a state that the definition does not list',
      },
    ],
    [
      answer({ status: 'FAILED', error: { message: 'out of memory' } }),
      { kind: 'failed', word: 'FAILED', message: 'out of memory' },
    ],
    [
      answer({ status: 'FAILED' }),
      { kind: 'failed', word: 'FAILED', message: 'the upstream reports FAILED' },
    ],
    [
      answer({ status: 'CANCELLED', error: 'by a person' }),
      { kind: 'cancelled', word: 'CANCELLED', message: 'by a person' },
    ],
    [answer({ status: 'GONE' }), { kind: 'not_found', note: 'GONE' }],
    [answer({}), { kind: 'not_found', note: 'its answer holds no state at status (poll.state)' }],
    [answer([]), { kind: 'not_found', note: 'its answer holds no state at status (poll.state)' }],
    [answer(''), { kind: 'not_found', note: 'an empty answer' }],
    [answer({ error: 'no such task' }, 404), { kind: 'not_found', note: 'no such task (HTTP 404)' }],
    [answer('', 410), { kind: 'not_found', note: 'HTTP 410' }],
    [answer('', 400), { kind: 'not_found', note: 'HTTP 400' }],
    [answer('<html>'), { kind: 'again', retryAfterMs: null, note: 'its answer is not JSON' }],
    [answer('', 401), { kind: 'again', retryAfterMs: null, note: 'HTTP 401' }],
    [answer('', 403), { kind: 'again', retryAfterMs: null, note: 'HTTP 403' }],
    [answer('', 429, { 'retry-after': '7' }), { kind: 'again', retryAfterMs: 7000, note: 'HTTP 429' }],
    [answer({ status: 'DONE' }, 500), { kind: 'again', retryAfterMs: null, note: 'HTTP 500' }],
    [
      answer({ status: 'DONE', url: 'x' }),
      { kind: 'done', word: 'DONE', answer: { status: 'DONE', url: 'x' } },
    ],
  ])('%o is read as %o', (sent, reading) => {
    expect(PLAIN.readStatus(sent, KNOWN)).toEqual(reading);
  });

  it('is read by several rules in order, compared with the type of their values', () => {
    const call = poll({
      state: [
        { path: 'faulted', failed: [true] },
        { path: 'done', done: [true] },
        { path: 'processing', queued: [0], running: 'any' },
      ],
    });
    const read = (json: object) => {
      const reading = call.readStatus(answer(json), KNOWN);
      return [reading.kind, 'word' in reading ? reading.word : ''];
    };
    expect(read({ faulted: true, done: true })).toEqual(['failed', 'faulted=true']);
    expect(read({ faulted: 'true', done: true })).toEqual(['done', 'done=true']);
    expect(read({ faulted: false, done: false, processing: 0 })).toEqual(['queued', 'processing=0']);
    expect(read({ done: false, processing: 1 })).toEqual(['running', 'processing=1']);
    expect(read({ done: false })).toEqual(['running', 'done=false']);
    expect(read({})).toEqual(['not_found', '']);
  });

  it('may be one in which nothing stands while the task runs', () => {
    const call = poll({ state: { path: '["{TASK_ID}"].status', running: [null], done: ['success'] } });
    expect(call.readStatus(answer({}), KNOWN)).toMatchObject({ kind: 'running', word: '' });
    expect(call.readStatus(answer({ t: { status: 'success' } }), KNOWN).kind).toBe('done');
    expect(call.readStatus(answer({ other: { status: 'success' } }), KNOWN).kind).toBe('running');
  });
});

describe('the result of a task that is done', () => {
  it.each([
    [
      { urls: ['https://a.example.com/1', 'https://a.example.com/2'] },
      [
        { kind: 'url', url: 'https://a.example.com/1' },
        { kind: 'url', url: 'https://a.example.com/2' },
      ],
    ],
    [{ urls: [], url: 'https://a.example.com/1' }, [{ kind: 'url', url: 'https://a.example.com/1' }]],
    [{ urls: 'https://a.example.com/1' }, [{ kind: 'url', url: 'https://a.example.com/1' }]],
    [{ url: '/files/1.png' }, [{ kind: 'url', url: 'http://worker.example.com/files/1.png' }]],
    [{ url: 'data:image/webp;base64,AAAA' }, [{ kind: 'base64', type: 'image/webp', base64: 'AAAA' }]],
  ])('of %j is %j', (json, files) => {
    expect(PLAIN.result(json, KNOWN)).toEqual({ kind: 'files', files });
  });

  it.each([
    [{}, 'it is done, and its answer holds no URL at urls[*] or url (poll.result.extract)'],
    [
      { urls: [null, 1, ''] },
      'it is done, and its answer holds no URL at urls[*] or url (poll.result.extract)',
    ],
    [{ error: 'filtered' }, 'filtered'],
  ])('of %j is missing: %s', (json, message) => {
    expect(PLAIN.result(json, KNOWN)).toEqual({ kind: 'missing', message });
  });

  it('may be base64 with and without the head of a data URL', () => {
    const call = poll({ result: { extract: 'images[*]', as: 'base64' } });
    expect(
      call.result(
        { images: ['AAAA', 'data:image/png;base64,BBBB', 'https://a.example.com/c', '<no>'] },
        KNOWN,
      ),
    ).toEqual({
      kind: 'files',
      files: [
        { kind: 'base64', base64: 'AAAA', type: null },
        { kind: 'base64', base64: 'BBBB', type: 'image/png' },
        { kind: 'url', url: 'https://a.example.com/c' },
      ],
    });
  });

  it('may take one more request for each of several things', () => {
    const call = poll({
      result: {
        each: 'outputs.*.images[*]',
        keep: { FILENAME: 'filename', FOLDER: 'subfolder' },
        request: { url: '/view?filename={FILENAME}&subfolder={FOLDER}' },
        as: 'bytes',
      },
    });
    const outputs = {
      9: { images: [{ filename: 'a b.png', subfolder: '' }, { filename: 'c.png' }] },
      12: {},
    };
    const plan = call.result({ outputs }, KNOWN);
    expect(plan.kind === 'requests' ? plan.requests.map(({ path }) => path) : plan).toEqual([
      '/view?filename=a%20b.png&subfolder=',
      '/view?filename=c.png',
    ]);
    expect(call.result({ outputs: {} }, KNOWN).kind).toBe('missing');
    expect(call.readResult(answer('png', 200, { 'content-type': 'image/png; x=1' }), KNOWN)).toEqual({
      kind: 'bytes',
      type: 'image/png',
    });
  });

  it('is missing if its request cannot be made: a value of its path does not stand in the answer', () => {
    const call = poll({ result: { keep: { FILE: 'file' }, request: { url: '/files/{FILE}' }, as: 'bytes' } });
    expect(call.result({}, KNOWN)).toEqual({
      kind: 'missing',
      message: 'it is done, and its result cannot be requested: poll.result.request.url: {FILE} has no value',
    });
  });

  it.each([
    [
      answer({ url: 'https://a.example.com/1' }),
      { kind: 'files', files: [{ kind: 'url', url: 'https://a.example.com/1' }] },
    ],
    [answer({ error: 'filtered' }), { kind: 'missing', message: 'filtered' }],
    [answer({ error: 'it failed' }, 422), { kind: 'failed', message: 'it failed' }],
    [answer('', 404), { kind: 'failed', message: 'its result answers HTTP 404' }],
    [answer('', 425), { kind: 'again', retryAfterMs: null, note: 'HTTP 425' }],
    [answer('', 502), { kind: 'again', retryAfterMs: null, note: 'HTTP 502' }],
    [
      answer('text'),
      { kind: 'missing', message: 'its result holds no URL at urls[*] or url (poll.result.extract)' },
    ],
  ])('answered with %o is read as %o', (sent, reading) => {
    expect(PLAIN.readResult(sent, KNOWN)).toEqual(reading);
  });
});

describe("an error's words", () => {
  it.each([
    [{ error: { message: 'm' } }, 'm'],
    [{ error: 'plain' }, 'plain'],
    [{ error: { code: 7 } }, '{"code":7}'],
    [{ error: ['a'] }, '["a"]'],
    [{ error: 7 }, '7'],
    [{ error: 'x'.repeat(2000) }, `${'x'.repeat(1000)}…`],
  ])('of %j are %s', (json, message) => {
    expect(PLAIN.readStatus(answer({ status: 'FAILED', ...json }), KNOWN)).toMatchObject({ message });
  });

  it.each([[{}], [[]], [''], [' '], [false], [null]])('are not %j, which says nothing', (error) => {
    expect(PLAIN.readStatus(answer({ status: 'FAILED', error }), KNOWN)).toMatchObject({
      message: 'the upstream reports FAILED',
    });
  });
});
