import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Behaviour, echo, json, text } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { type Answer, SELDOM_PROBED, serviceForTest, startService, type TestService } from '../service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

/** Registers a worker of an upstream with this behaviour and calls it. */
async function calling(
  behaviour: Behaviour,
  more: Readonly<Record<string, unknown>> = {},
  chat: Readonly<Record<string, unknown>> = {},
) {
  const upstream = await upstreamForTest(behaviour);
  const worker = aWorker(upstream, more);
  const registered = await service.register(worker);
  expect(registered.text).toContain('succeed');
  const answer = await service.post('/api/v1/chat/completions', {
    model_name: worker.model_name,
    input: 'who are you?',
    ...chat,
  });
  return { answer, upstream, model: worker.model_name, sent: upstream.requests[0] };
}

const result = (answer: Answer): unknown => (answer.json as { result?: unknown }).result;
const message = (answer: Answer): string => (answer.json as { msg: string }).msg;

describe('POST /api/v1/chat/completions', () => {
  it('answers in the native envelope, with headers about worker, attempts and times', async () => {
    const { answer, model } = await calling(json({ answer: 'I am' }));
    expect([answer.status, answer.json]).toEqual([
      200,
      { success: true, msg: 'execute succeed', result: 'I am' },
    ]);
    const [view] = await viewsOf(service, model);
    expect(answer.headers.get('x-mmm-worker-id')).toBe(view?.id);
    expect(answer.headers.get('x-mmm-attempts')).toBe('1');
    for (const name of ['x-mmm-upstream-ms', 'x-mmm-overhead-ms'])
      expect(Number(answer.headers.get(name))).toBeGreaterThanOrEqual(0);
  });

  it('calls GET workers with req_param and placeholders in the URL, percent-encoded', async () => {
    const upstream = await upstreamForTest(json({ answer: 'got' }));
    const worker = aWorker(upstream, {
      req_type: 'GET',
      req_url_template: `${upstream.url}/chat/{MODEL_NAME}?fixed=1`,
      req_param: { q: '{USER_PROMPT}', t: '{MODEL_TEMPERATURE}', n: 3, deep: true },
      model_name: 'org/gét',
    });
    await service.register(worker);
    expect(result(await service.chat('org/gét', 'a&b=c/ü?'))).toBe('got');
    const [sent] = upstream.requests;
    expect([sent?.method, sent?.body]).toEqual(['GET', '']);
    expect(sent?.url).toBe('/chat/org%2Fg%C3%A9t?fixed=1&q=a%26b%3Dc%2F%C3%BC%3F&n=3&deep=true');
  });

  it('sends form bodies', async () => {
    const { sent } = await calling(
      json({ answer: 'x' }),
      { body: { q: '{USER_PROMPT}', t: '{MODEL_TEMPERATURE}', fixed: 1 }, body_format: 'form' },
      { input: 'a b&c=d' },
    );
    expect(sent?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect([...new URLSearchParams(sent?.body)]).toEqual([
      ['q', 'a b&c=d'],
      ['fixed', '1'],
    ]);
  });

  it('fills placeholders into headers and sends no credentials of the client', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream, {
      header: { 'x-model': 'm={MODEL_NAME}', 'x-request-id': '{REQUEST_ID}' },
    });
    await service.register(worker);
    const answer = await service.chat(worker.model_name, 'x', {
      authorization: 'Bearer of-the-client',
      'x-api-key': 'of-the-client',
      cookie: 'of=the-client',
      'x-request-id': 'mine-1',
    });
    const [sent] = upstream.requests;
    expect(sent?.headers).toMatchObject({ 'x-model': `m=${worker.model_name}`, 'x-request-id': 'mine-1' });
    expect(JSON.stringify(sent)).not.toContain('of-the-client');
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
  });

  it('names the field whose value a header cannot carry', async () => {
    const { answer, upstream } = await calling(
      json({ answer: 'x' }),
      { header: { 'x-prompt': '{USER_PROMPT}' } },
      { input: 'a\r\nx-evil: 1' },
    );
    expect(answer.status).toBe(400);
    expect(message(answer)).toContain('header.x-prompt');
    expect(upstream.calls).toBe(0);
  });

  const BODY = {
    p: '{USER_PROMPT}',
    t: '{MODEL_TEMPERATURE}',
    m: '{MAX_TOKENS}',
    s: 't={MODEL_TEMPERATURE}',
  };
  it.each([
    ['leaves out placeholders without a value', {}, {}, { p: 'who are you?', s: 't=' }],
    [
      'sends values of the request with their JSON type',
      {},
      { temperature: 0.7, max_tokens: 5 },
      { p: 'who are you?', t: 0.7, m: 5, s: 't=0.7' },
    ],
    [
      'uses the defaults of the worker',
      { temperature: 0.2, max_tokens: 9 },
      {},
      { p: 'who are you?', t: 0.2, m: 9, s: 't=0.2' },
    ],
    [
      'prefers values of the request to the defaults',
      { temperature: 0.2 },
      { temperature: 0 },
      { p: 'who are you?', t: 0, s: 't=0' },
    ],
  ])('%s', async (_, defaults, chat, expected) => {
    const { sent } = await calling(json({ answer: 'x' }), { body: BODY, defaults }, chat);
    expect(JSON.parse(sent?.body ?? '')).toEqual(expected);
  });

  it('keeps the key order and every character of the body for any prompt', async () => {
    const input = '"},{"a":"{MODEL_NAME}${secret:X}\\u0000\u0000\ud800 \u{1f600}\n{USER_PROMPT}';
    const body = {
      z: 1,
      a: { toString: 'kept', constructor: '{USER_PROMPT}' },
      1: 'first in JSON',
      __p: '\u0000',
    };
    const { sent } = await calling(json({ answer: 'x' }), { body }, { input });
    expect(sent?.body).toBe(JSON.stringify({ ...body, a: { toString: 'kept', constructor: input } }));
  });

  const ANSWER = {
    a: { b: [{ c: 'first' }, { c: 'last' }] },
    'odd.key': { "it's": 'odd' },
    number: 1.5,
    yes: true,
    object: { x: [1] },
    list: [1, 'z'],
  };
  it.each([
    ['a.b[].c', 'first'],
    ['a.b[0].c', 'first'],
    ['a.b[1].c', 'last'],
    ['a.b[-1].c', 'last'],
    ['["odd.key"]["it\'s"]', 'odd'],
    ['response["a"]["b"][0]["c"]', 'first'],
    ["response['a']['b'][-1]['c']", 'last'],
    ['number', '1.5'],
    ['yes', 'true'],
    ['object', '{"x":[1]}'],
    ['list', '[1,"z"]'],
    ['', JSON.stringify(ANSWER)],
  ])('extracts %s', async (response_extract, expected) => {
    expect(result((await calling(json(ANSWER), { response_extract })).answer)).toBe(expected);
  });

  it('answers with the raw text without response_extract, and with the value of a JSON string', async () => {
    const raw = { response_extract: undefined };
    expect(result((await calling(text('plain\ntext'), raw)).answer)).toBe('plain\ntext');
    expect(result((await calling(json('I am …'), raw)).answer)).toBe('I am …');
  });

  it('treats an answer that violates success_when as a failure', async () => {
    const success_when = { path: 'ok', equals: true };
    const fine = await calling(json({ ok: true, answer: 'a' }), { success_when });
    expect(result(fine.answer)).toBe('a');
    const failed = await calling(json({ ok: false, answer: 'a' }), { success_when });
    expect(failed.answer.status).toBe(502);
    expect(message(failed.answer)).toBe('worker execute error: its answer reports a failure: ok is not true');
  });

  it('uses DEFAULT_MODEL if the request names no model', async () => {
    const withDefault = await serviceForTest({ DEFAULT_MODEL: 'the-default' });
    const upstream = await upstreamForTest(json({ answer: 'by default' }));
    await withDefault.register(aWorker(upstream, { model_name: 'the-default' }));
    expect(result(await withDefault.post('/api/v1/chat/completions', { input: 'x' }))).toBe('by default');
  });

  it('reaches the echo worker of protected mode without another server', async () => {
    const req_url_template = `${service.url}/echo`;
    const body = { input: '{USER_PROMPT}' };
    const worker = aWorker(service, { req_url_template, body, response_extract: 'output' });
    expect((await service.register(worker)).status).toBe(200);
    expect(result(await service.chat(worker.model_name, 'ping'))).toBe('You said: ping');
  });

  it('sends the upstream only the headers of the definition', async () => {
    const { sent } = await calling(echo, { response_extract: '' });
    expect(Object.keys(sent?.headers ?? {}).toSorted()).toEqual([
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'x-request-id',
    ]);
  });
});

describe('The native answer of an openai worker', () => {
  const answerTo = async (fields: object) => {
    const upstream = await upstreamForTest(
      json({ choices: [{ index: 0, message: { role: 'assistant', ...fields }, finish_reason: 'stop' }] }),
    );
    const model = `openai-${new URL(upstream.url).port}`;
    const registration = { model_name: model, protocol: 'openai', req_url_template: `${upstream.url}/v1` };
    expect((await service.register(registration)).text).toContain('succeed');
    return { model, answer: await service.chat(model, 'hi') };
  };

  it.each([
    [{ content: 'I am' }, 'I am'],
    [{ content: '' }, ''],
    [{ content: null, refusal: 'no way' }, 'no way'],
  ])('is its text, or its tool calls as JSON: %j', async (fields, expected) => {
    const { answer } = await answerTo(fields);
    expect([answer.status, result(answer)]).toEqual([200, expected]);
  });

  it('is a 502 without text, as of a model that was still thinking, and does not blame the worker', async () => {
    const { model, answer } = await answerTo({ content: null, reasoning_content: 'Let me see' });
    expect([answer.status, message(answer)]).toEqual([
      502,
      expect.stringContaining('the answer holds no text'),
    ]);
    for (let at = 0; at < 5; at++)
      expect(message(await service.chat(model, 'hi'))).toContain('the answer holds no text');
  });
});
