import Anthropic from '@anthropic-ai/sdk';
import type { ServerResponse } from 'node:http';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { databaseForTest } from '../database.js';
import { Sleeper } from '../fakes/sleeper.js';
import type { FakeUpstream } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { databaseSettings, startProcess } from '../process.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

const TUNING = { streams: { heartbeatMs: 50 } };
const HOLD = { 'x-mmm-hold': 'stream' };
const COMMENT = ': waiting for a worker\n\n';
const CHUNK = {
  id: 'x',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: { content: 'hello' }, finish_reason: 'stop' }],
};
const ANSWER = `data: ${JSON.stringify(CHUNK)}\n\ndata: [DONE]\n\n`;

let service: TestService;
beforeAll(async () => {
  service = await startService({ tuning: TUNING });
});
afterAll(() => service.stop());

/** A service in this process or in one of its own. */
type Serving = Pick<TestService, 'url'> & {
  register(worker: Readonly<Record<string, unknown>>): Promise<{ readonly status: number }>;
};

/** OpenAI servers of one model, each with one slot, whose calls wait until the test answers them. */
class Busy {
  readonly calls: { readonly prompt: string; readonly response: ServerResponse }[] = [];
  upstream!: FakeUpstream;

  private constructor(readonly model: string) {}

  static async start(on: Serving, model: string, workers = 1, policy: object = {}): Promise<Busy> {
    const busy = new Busy(model);
    busy.upstream = await upstreamForTest((response, { body }) => {
      const { messages } = JSON.parse(body) as { messages: { content: string }[] };
      busy.calls.push({ prompt: messages[0]?.content ?? '', response });
    });
    for (let each = 0; each < workers; each += 1) {
      const worker = {
        model_name: model,
        protocol: 'openai',
        req_url_template: `${busy.upstream.url}/${each}/v1`,
        health_check: { kind: 'none' },
        max_concurrency: 1,
      };
      if ((await on.register(worker)).status !== 200) throw new Error('not registered');
    }
    const put = await fetch(`${on.url}/api/v1/models/${model}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ queue: { wait_ms: 120_000 }, ...policy }),
    });
    if (!put.ok) throw new Error(await put.text());
    return busy;
  }

  /** Takes the slots: as many calls as there are workers. */
  async fill(on: Serving, workers = 1): Promise<void> {
    for (let each = 1; each <= workers; each += 1) {
      void open(on, this.chat('before'));
      await until(() => this.calls.length === each);
    }
  }

  chat(prompt: string): object {
    return { model: this.model, stream: true, messages: [{ role: 'user', content: prompt }] };
  }

  /** Answers the oldest call, once there is one with this prompt. */
  async answer(prompt: string, body = ANSWER, type = 'text/event-stream', status = 200): Promise<void> {
    const at = () => this.calls.findIndex((call) => call.prompt === prompt);
    await until(() => at() !== -1);
    this.calls.splice(at(), 1)[0]?.response.writeHead(status, { 'content-type': type }).end(body);
  }
}

interface Open {
  readonly status: Promise<number>;
  readonly whole: Promise<string>;
  text: string;
  leave(): void;
}

function open(
  on: Serving,
  body: object,
  headers: Readonly<Record<string, string>> = {},
  path = '/v1/chat/completions',
): Open {
  const controller = new AbortController();
  const answer = fetch(on.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: controller.signal,
  });
  const opened = { text: '', status: answer.then(({ status }) => status), leave: () => controller.abort() };
  const read = async (): Promise<string> => {
    const decoder = new TextDecoder();
    const { body: stream } = await answer;
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>)
      opened.text += decoder.decode(chunk, { stream: true });
    return opened.text;
  };
  const whole = read();
  for (const promise of [opened.status, whole]) promise.catch(() => {});
  return Object.assign(opened, { whole });
}

const isHeld = (stream: Open) => until(() => stream.text.startsWith(COMMENT));
const withoutComments = (text: string): string => text.replaceAll(/^:.*\n\n/gm, '');

describe('a stream with x-mmm-hold: stream', () => {
  it('has status 200 and comments while it waits, and then the answer, byte for byte', async () => {
    const busy = await Busy.start(service, 'passed');
    await busy.fill(service);
    const held = open(service, busy.chat('held'), HOLD);
    const plain = open(service, busy.chat('plain'));
    await until(() => held.text.split(': still here').length > 2);
    expect([await held.status, plain.text]).toEqual([200, '']);
    for (const prompt of ['before', 'held', 'plain']) await busy.answer(prompt);
    expect(withoutComments(await held.whole)).toBe(ANSWER);
    expect(await plain.whole).toBe(ANSWER);
    const line = () =>
      service.log.find((each) => each['model'] === 'passed' && each['queue_ms'] !== undefined);
    await until(() => line() !== undefined);
  });

  it('is retried on another worker all the same', async () => {
    const busy = await Busy.start(service, 'retried', 2);
    await busy.fill(service, 2);
    const held = open(service, busy.chat('held'), HOLD);
    await isHeld(held);
    await busy.answer('before');
    await busy.answer('held', '{"error": "busy"}', 'application/json', 503);
    await busy.answer('before');
    await busy.answer('held');
    expect(withoutComments(await held.whole)).toBe(ANSWER);
  });

  it('is answered by a fallback, translated to the API of the client', async () => {
    const busy = await Busy.start(service, 'short', 1, { queue: { wait_ms: 1_000 }, fallbacks: ['next'] });
    const next = await Busy.start(service, 'next');
    await busy.fill(service);
    const body = {
      model: 'short',
      max_tokens: 9,
      stream: true,
      messages: [{ role: 'user', content: 'held' }],
    };
    const held = open(service, body, { ...HOLD, 'anthropic-version': '2023-06-01' }, '/v1/messages');
    await isHeld(held);
    await next.answer('held');
    const events = withoutComments(await held.whole);
    expect(events).toMatch(/^event: message_start\n/);
    expect(events).toContain('"hello"');
    expect(events).toMatch(/event: message_stop\ndata: .*\n\n$/);
  });

  it('waits again when it was cut as bulk, since comments are no answer', async () => {
    const busy = await Busy.start(service, 'bulky');
    const bulk = open(service, busy.chat('batch'), { ...HOLD, 'x-mmm-priority': 'bulk' });
    await isHeld(bulk);
    await until(() => busy.calls.length === 1);
    const chat = open(service, busy.chat('hello'), { 'x-mmm-priority': 'interactive' });
    await until(() => busy.upstream.aborted === 1);
    await busy.answer('hello');
    expect(await chat.whole).toBe(ANSWER);
    busy.calls.splice(0, 1);
    await busy.answer('batch');
    expect(withoutComments(await bulk.whole)).toBe(ANSWER);
  });

  it('leaves the queue when its client hangs up', async () => {
    const busy = await Busy.start(service, 'left');
    await busy.fill(service);
    const held = open(service, busy.chat('held'), HOLD);
    await isHeld(held);
    held.leave();
    await until(async () =>
      (await service.get('/metrics')).text.includes('mmm_requests_queued{model="left",priority="default"} 0'),
    );
    await busy.answer('before');
    expect(busy.upstream.calls).toBe(1);
  });

  it('waits for a worker that is woken', async () => {
    const sleeper = await Sleeper.asleep();
    await sleeper.register(service);
    const held = open(
      service,
      { model_name: 'sleepy', input: 'hi', stream: true },
      HOLD,
      '/api/v1/chat/completions',
    );
    await isHeld(held);
    expect(withoutComments(await held.whole)).toContain('"content":"awake"');
  });
});

describe('a failure after such comments is the error event', () => {
  const short = { queue: { wait_ms: 1_000 }, fallbacks: [] };

  it('of OpenAI, which its client throws', async () => {
    const busy = await Busy.start(service, 'failing', 1, short);
    await busy.fill(service);
    const client = new OpenAI({
      baseURL: `${service.url}/v1`,
      apiKey: 'any',
      maxRetries: 0,
      defaultHeaders: HOLD,
    });
    const stream = await client.chat.completions.create({
      model: 'failing',
      stream: true,
      messages: [{ role: 'user', content: 'held' }],
    });
    const reading = (async () => {
      for await (const chunk of stream) expect(chunk).toBeUndefined();
    })();
    await expect(reading).rejects.toThrow('none became free in time');
    const failed = () =>
      service.log.find(({ error_type, model }) => error_type !== undefined && model === 'failing');
    await until(() => failed() !== undefined);
    expect(failed()).toMatchObject({ status: 200, error_type: 'policy_queue_timeout' });
  });

  it('of Anthropic, which its client throws', async () => {
    const busy = await Busy.start(service, 'failing-2', 1, short);
    await busy.fill(service);
    const client = new Anthropic({
      baseURL: service.url,
      apiKey: 'any',
      maxRetries: 0,
      defaultHeaders: HOLD,
    });
    const stream = client.messages.stream({
      model: 'failing-2',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'held' }],
    });
    await expect(stream.finalMessage()).rejects.toThrow(/overloaded_error.*none became free in time/);
  });

  it('of /v1/responses', async () => {
    const busy = await Busy.start(service, 'failing-3', 1, short);
    await busy.fill(service);
    const held = open(service, { model: 'failing-3', stream: true, input: 'held' }, HOLD, '/v1/responses');
    const event = withoutComments(await held.whole);
    expect(event).toMatch(
      /^event: response.failed\n.*"code":"server_error".*none became free in time.*\n\n$/,
    );
  });

  it('of the native API, when no worker was woken in time', async () => {
    const sleeper = await Sleeper.asleep();
    sleeper.status = null;
    await sleeper.register(service, {}, { model_name: 'deep' });
    const policy = { hold_s: 1, queue: { wait_ms: 1_000 } };
    await fetch(`${service.url}/api/v1/models/deep`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(policy),
    });
    const held = open(
      service,
      { model_name: 'deep', input: 'hi', stream: true },
      HOLD,
      '/api/v1/chat/completions',
    );
    const { error } = JSON.parse(withoutComments(await held.whole).replace('data: ', '')) as {
      error: { message: string; type: string };
    };
    expect(error).toMatchObject({ message: expect.stringContaining('asleep'), type: 'api_error' });
  });

  it.each([
    [
      'a rejection of the worker',
      '{"error":{"message":"no such thing","type":"invalid_request_error"}}',
      400,
      'no such thing',
    ],
    [
      'an answer that is no stream',
      '{"choices":[]}',
      200,
      'a stream was requested, and application/json came',
    ],
  ])('after %s', async (title, body, status, words) => {
    const busy = await Busy.start(service, `odd-${title.length}`);
    await busy.fill(service);
    const held = open(service, busy.chat('held'), HOLD);
    await isHeld(held);
    await busy.answer('before');
    await busy.answer('held', body, 'application/json', status);
    expect(withoutComments(await held.whole)).toMatch(new RegExp(`^data: \\{"error":.*${words}.*\\}\\n\\n$`));
  });
});

describe('x-mmm-hold', () => {
  it('changes nothing for a call that does not stream, nor for an error before the first comment', async () => {
    const busy = await Busy.start(service, 'whole', 1, { queue: { wait_ms: 1_000 } });
    await busy.fill(service);
    const whole = await service.post('/v1/chat/completions', { ...busy.chat('whole'), stream: false }, HOLD);
    expect([whole.status, whole.headers.get('content-type')]).toEqual([
      503,
      'application/json; charset=utf-8',
    ]);
    const unknown = await service.post('/v1/chat/completions', { ...busy.chat('x'), model: 'unknown' }, HOLD);
    expect(unknown.status).toBe(404);
  });

  it('is a 400 with another word, which names the one that is accepted', async () => {
    const { status, text } = await service.chat('any', 'hi', { 'x-mmm-hold': 'steam' });
    expect([status, text]).toEqual([400, expect.stringContaining('x-mmm-hold: must be stream')]);
  });

  it('keeps a stream through the drain of its replica', async () => {
    const database = await databaseForTest();
    const own = await startProcess({ ...databaseSettings(database.address), tuning: TUNING }).ready();
    onTestFinished(() => own.kill());
    const busy = await Busy.start(own, 'drained');
    await busy.fill(own);
    const held = open(own, busy.chat('held'), HOLD);
    await isHeld(held);
    own.signal('SIGTERM');
    await until(() => own.stdout.includes('stopping: SIGTERM'));
    await busy.answer('before');
    await busy.answer('held');
    expect(withoutComments(await held.whole)).toBe(ANSWER);
    expect(await own.exited).toMatchObject({ code: 0 });
  });
});
