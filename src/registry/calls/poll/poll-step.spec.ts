import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { aPollWorker, compiled } from '../../../../test/fixtures/poll-worker.js';
import { PollUrlError } from '../../registry-errors.js';

const poll = (more: object) => ({ poll: { ...aPollWorker().poll, ...more } });
const KNOWN = { MODEL_NAME: 'm', JOB_ID: 'j', REQUEST_ID: 'r', kept: { TASK_ID: 't/1' } };

describe('the requests of a poll', () => {
  it('carry the headers of the worker, unless a step names them or has no body for them', () => {
    const { poll: call } = compiled({
      header: {
        Authorization: 'Bearer k',
        'x-async': 'enable',
        'Content-Type': 'application/json',
        'x-user': '{EXTRA.user}',
      },
      ...poll({ status: { url: '/t/{TASK_ID}', header: { 'X-Async': '', 'x-task': '{TASK_ID}' } } }),
    });
    expect(call?.status(KNOWN)).toMatchObject({
      method: 'GET',
      origin: 'http://worker.example.com',
      path: '/t/t%2F1',
      headers: {
        'accept-encoding': 'identity',
        'user-agent': 'multi-model-manager',
        'x-request-id': 'r',
        Authorization: 'Bearer k',
        'x-task': 't/1',
      },
      body: null,
    });
    expect(Object.keys(call?.status(KNOWN).headers ?? {}).toSorted()).toEqual(
      ['Authorization', 'accept-encoding', 'user-agent', 'x-request-id', 'x-task'].toSorted(),
    );
  });

  it('are rendered with what was kept, in every place', () => {
    const { poll: call } = compiled(
      poll({
        cancel: [
          { method: 'POST', url: '/queue', body: { delete: ['{TASK_ID}'], none: null } },
          { method: 'DELETE', url: 'http://worker.example.com/{+TASK_ID}' },
          { method: 'PUT', url: '/f', body: { id: '{TASK_ID}' }, body_format: 'form' },
        ],
      }),
    );
    expect(
      call
        ?.cancel(KNOWN)
        .map(({ method, path, body, headers }) => [method, path, body, headers['content-type']]),
    ).toEqual([
      ['POST', '/queue', '{"delete":["t/1"],"none":null}', 'application/json'],
      ['DELETE', '/t/1', null, undefined],
      ['PUT', '/f', 'id=t%2F1', 'application/x-www-form-urlencoded'],
    ]);
  });

  it('are never made without a value that the submit kept: they would reach another task', () => {
    const { poll: call } = compiled(poll({ status: { url: '/tasks?id={TASK_ID}' } }));
    const render = () => call?.status({ ...KNOWN, kept: {} });
    expect(render).toThrow(PollUrlError);
    expect(render).toThrow('poll.status: needs {TASK_ID}, which the job does not have');
  });

  describe('at a URL that the upstream gave', () => {
    const at = (url: string | number) =>
      compiled(
        poll({
          keep: { STATUS_URL: 'url' },
          status: { url: '{STATUS_URL}' },
          origins: ['https://eu.example.com/'],
          cancel: undefined,
        }),
      ).poll?.status({ ...KNOWN, kept: { STATUS_URL: url } });

    it.each([
      ['http://worker.example.com/a?b=c#d', 'http://worker.example.com', '/a?b=c'],
      ['https://eu.example.com/x', 'https://eu.example.com', '/x'],
      ['https://eu.example.com', 'https://eu.example.com', '/'],
      ['/a?b=c', 'http://worker.example.com', '/a?b=c'],
    ])('go to the worker and to listed origins: %s', (url, origin, path) => {
      expect(at(url)).toMatchObject({ origin, path, headers: { authorization: 'Bearer k' } });
    });

    it.each([
      'https://evil.example.com/a',
      'http://eu.example.com/x',
      'https://eu.example.com:444/x',
      'https://eu.example.com.evil.com/',
      'https://user:pass@eu.example.com/x',
      'file:///etc/passwd',
      '//evil.example.com/a',
      '/\\evil.example.com/a',
      'no url',
      42,
    ])('go nowhere else, so that no credential does: %s', (url) => {
      expect(() => at(url)).toThrow(PollUrlError);
    });
  });
});
