import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { type RawAnswer, modelOn, type RawUpstream, startRawUpstream } from './raw-upstream.js';

let service: TestService;
/** Answers with a success status but without an answer. */
let hollow: RawUpstream;
let sound: RawUpstream;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  [hollow, sound] = [await startRawUpstream(() => {}), await startRawUpstream(() => {})];
});
afterAll(async () => {
  await service.stop();
  await Promise.all([hollow.close(), sound.close()]);
});

const EVENTS = 'text/event-stream';
const JSON_TYPE = 'application/json';
const says =
  (body: string, type: string | undefined, status = 200): RawAnswer =>
  (response) =>
    response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body);
const chunk = (content: string, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
const COMPLETE = `${chunk('all')}${chunk('', 'stop')}data: [DONE]\n\n`;
const MESSAGE = 'event: message_start\ndata: {"type":"message_start"}\n\nevent: message_stop\ndata: {}\n\n';
const WHOLE = JSON.stringify({ choices: [{ message: { content: 'say "error"' } }], error: null });
const PATHS = { openai: '/v1/chat/completions', anthropic: '/v1/messages' } as const;

interface Sample {
  readonly protocol?: keyof typeof PATHS;
  readonly stream: boolean;
  readonly answer: RawAnswer;
  readonly message: RegExp;
}
const overloaded = '{"error":{"message":"out of memory","type":"server_error","code":500}}';
const HOLLOW: Readonly<Record<string, Sample>> = {
  'an error': { stream: false, answer: says(overloaded, JSON_TYPE), message: /out of memory/ },
  'an error without its envelope': {
    stream: false,
    answer: says('{"object":"error","message":"busy","code":50001}', JSON_TYPE),
    message: /busy/,
  },
  'a web page': {
    stream: false,
    answer: says('<html>Welcome</html>', 'text/html; charset=x'),
    message: /web page/,
  },
  nothing: { stream: false, answer: says('', JSON_TYPE), message: /empty/ },
  'no content': { stream: false, answer: says('', undefined, 204), message: /empty/ },
  null: { stream: false, answer: says('null', JSON_TYPE), message: /neither a JSON object nor a list/ },
  'text that is no JSON': {
    stream: false,
    answer: says('upstream is up', 'text/plain'),
    message: /neither a JSON object/,
  },
  'a JSON string although a stream was requested': {
    stream: true,
    answer: says('"ok"', JSON_TYPE),
    message: /neither a JSON object/,
  },
  'a stream of an error': {
    stream: true,
    answer: says(`: hi\n\ndata: ${overloaded}\n\n`, EVENTS),
    message: /memory/,
  },
  'an error although a stream was requested': {
    stream: true,
    answer: says(overloaded, JSON_TYPE),
    message: /memory/,
  },
  'a web page although a stream was requested': {
    stream: true,
    answer: says('<html>', 'text/html'),
    message: /page/,
  },
  'a stream of nothing': { stream: true, answer: says('', EVENTS), message: /empty/ },
  'a message that is an error': {
    protocol: 'anthropic',
    stream: true,
    answer: says(
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"oh"}}\n\n',
      EVENTS,
    ),
    message: /oh/,
  },
};

async function send(model: string, stream: boolean, path: string = PATHS.openai) {
  const id = randomUUID();
  const body = { model, stream, max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
  const answer = await service.post(path, body, { 'x-request-id': id });
  await until(() => service.log.some((line) => line['request_id'] === id && line['msg'] === 'request'));
  const line = service.log.find((each) => each['request_id'] === id && each['msg'] === 'request');
  return { ...answer, line };
}

describe.each(Object.entries(HOLLOW))('a worker that answers 200 and %s', (_what, sample) => {
  const { protocol = 'openai', stream, answer, message } = sample;

  it('counts as failed, and another worker is called', async () => {
    const model = await modelOn(service, hollow, { protocol });
    await modelOn(service, sound, { protocol, model_name: model });
    hollow.answer = answer;
    const good = stream ? (protocol === 'openai' ? COMPLETE : MESSAGE) : WHOLE;
    sound.answer = says(good, stream ? EVENTS : JSON_TYPE);
    hollow.calls = 0;
    // Equal workers are picked at random: one of sixty picks is this one.
    for (let i = 0; i < 6 || (i < 60 && hollow.calls === 0); i += 1)
      expect(await send(model, stream, PATHS[protocol])).toMatchObject({ status: 200, text: good });
    expect(hollow.calls).toBeGreaterThan(0);
  });

  it('is a 502 for the client and a bad answer in the log when there is no other worker', async () => {
    const model = await modelOn(service, hollow, { protocol });
    hollow.answer = answer;
    const { status, json, line } = await send(model, stream, PATHS[protocol]);
    expect(status).toBe(502);
    expect((json as { error: { message: string } }).error.message).toMatch(message);
    expect(line).toMatchObject({ status: 502, error_type: 'worker_bad_answer' });
  });
});

describe('a passed-through stream that fails after its start', () => {
  it('reaches the client unchanged, and counts as failed in the log and in balancing', async () => {
    const wire = `${chunk('half')}data: ${overloaded}\n\ndata: [DONE]\n\n`;
    const model = await modelOn(service, hollow);
    hollow.answer = says(wire, EVENTS);
    const { text, line } = await send(model, true);
    expect(text).toBe(wire);
    expect(line).toMatchObject({ error_type: 'worker_bad_answer' });

    await modelOn(service, sound, { model_name: model });
    sound.answer = says(COMPLETE, EVENTS);
    hollow.calls = 0;
    for (let i = 0; i < 12; i += 1) await send(model, true);
    // Equal workers would get six each.
    expect(hollow.calls).toBeLessThan(3);
  });

  it.each(['/v1/chat/completions', '/v1/completions'])(
    'is reported as broken off if its end is missing: %s',
    async (path) => {
      const task = path === '/v1/completions' ? { task: 'completion' } : {};
      const model = await modelOn(service, hollow, task);
      hollow.answer = says(chunk('half'), EVENTS);
      const { text, line } = await send(model, true, path);
      expect(text.startsWith(chunk('half'))).toBe(true);
      expect(text.slice(chunk('half').length)).toMatch(/^data: \{"error":.*in the middle of the answer/);
      expect(line).toMatchObject({ error_type: 'worker_bad_answer' });
    },
  );
});

describe('an answer that only looks like a failure', () => {
  const clientError = '{"error":{"message":"too long","type":"BadRequestError","code":400}}';
  it.each<[string, boolean, string, string]>([
    [
      'a response that says it has no error',
      false,
      '{"object":"response","error":null,"output":[]}',
      JSON_TYPE,
    ],
    ['a text about errors', false, WHOLE, JSON_TYPE],
    ['an error beside an answer', false, '{"error":{"message":"x"},"choices":[{}]}', JSON_TYPE],
    ['an error of the client', false, clientError, JSON_TYPE],
    ['an error of the client, in a stream', true, `data: ${clientError}\n\n`, EVENTS],
    ['no [DONE] behind the reason of its end', true, chunk('a') + chunk('', 'length'), EVENTS],
    ['no reason before [DONE]', true, `${chunk('a')}data: [DONE]\n\n`, EVENTS],
    ['a text that quotes one', true, `${chunk('{"error":{"message":"x"}}')}data: [DONE]\n\n`, EVENTS],
    ['events that are no chunks', true, 'data: {"t":1}\n\n', EVENTS],
  ])('is passed through unchanged: %s', async (_what, stream, body, type) => {
    const model = await modelOn(service, hollow);
    hollow.answer = says(body, type);
    const { status, text, line } = await send(model, stream);
    expect({ status, text, errorType: line?.['error_type'] }).toEqual({
      status: 200,
      text: body,
      errorType: undefined,
    });
  });

  it('is passed through unchanged: audio, whatever its Content-Type', async () => {
    const model = await modelOn(service, hollow, { task: 'audio' });
    hollow.answer = says('<html>', 'text/html');
    const { status, text } = await service.post('/v1/audio/speech', { model, input: 'hi', voice: 'x' });
    expect({ status, text }).toEqual({ status: 200, text: '<html>' });
  });
});

it('treats a redirect of an upstream as a failure, and does not reveal its target', async () => {
  const model = await modelOn(service, hollow);
  hollow.answer = (response) => response.writeHead(302, { location: 'http://10.0.0.1/' }).end();
  const { status, headers } = await send(model, false);
  expect({ status, location: headers.get('location') }).toEqual({ status: 502, location: null });
});

it('does not log an upstream that breaks off a request body as a client disconnect', async () => {
  const model = await modelOn(service, hollow);
  hollow.answer = (response) => {
    response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': '1000' });
    response.write('half', () => response.socket?.destroy());
  };
  const body = { model, stream: true, messages: [] };
  await expect(service.post(PATHS.openai, body, { 'x-request-id': 'breaks' })).rejects.toThrow(
    /fetch failed|terminated/,
  );
  const lines = () => service.log.filter((line) => line['request_id'] === 'breaks');
  await until(() => lines().length > 0);
  expect(lines()).toEqual([expect.objectContaining({ status: 200, error_type: 'worker_bad_answer' })]);
});
