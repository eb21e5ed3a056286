import type { ServerResponse } from 'node:http';
import { createBrotliCompress, createDeflate, createGzip, gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Pool } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lineEnd, lineText, piecesOf } from '../arbitraries/stream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { type RawAnswer, inFlight, modelOn, type RawUpstream, startRawUpstream } from './raw-upstream.js';

const HEARTBEAT_MS = 60;
const IDLE_MS = 600;
const BEAT = ': still here\n\n';
type Worker = Readonly<Record<string, unknown>>;
const TEMPLATE = {
  body: { p: '{USER_PROMPT}', stream: '{STREAM}' },
  is_stream: true,
  stream_extract: { text: 't', done: { path: 'done', equals: true } },
};

let service: TestService;
let upstream: RawUpstream;
let pool: Pool;
/** Of a worker whose events are passed through, and of a template worker. */
let models: Models;
/** The same; they give up when their upstream is silent. */
let impatient: Models;
let passed: string;
let made: string;
interface Models {
  readonly passed: string;
  readonly made: string;
}
beforeAll(async () => {
  service = await startService({
    HEALTH_INTERVAL_MS: SELDOM_PROBED.HEALTH_INTERVAL_MS,
    tuning: {
      streams: { heartbeatMs: HEARTBEAT_MS },
      // Streams break on purpose here, which must not eject their worker.
      stats: { failuresInARow: 100, successShare: 0, connectErrorsInARow: 100 },
    },
  });
  upstream = await startRawUpstream((response) => response.end());
  const both = async (more: Worker): Promise<Models> => ({
    passed: await modelOn(service, upstream, more),
    made: await modelOn(service, upstream, { ...TEMPLATE, ...more }),
  });
  models = await both({});
  impatient = await both({ timeouts: { idle_ms: IDLE_MS } });
  ({ passed, made } = models);
  pool = new Pool(service.url);
});
beforeEach(() => void (upstream.calls = 0));
afterAll(async () => {
  await pool.close();
  await service.stop();
  await upstream.close();
});

/** What the client has received of the current answer so far. */
let received = '';
const hasReceived = (part: string): Promise<void> => until(() => received.includes(part));

async function stream(model: string, path: Path = '/v1/chat/completions') {
  received = '';
  const answer = await pool.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...BODIES[path](model), stream: true }),
  });
  const pieces: Buffer[] = [];
  for await (const piece of answer.body as AsyncIterable<Buffer>) {
    pieces.push(piece);
    received += piece.toString('latin1');
  }
  const bytes = Buffer.concat(pieces);
  return { status: answer.statusCode, headers: answer.headers, bytes, text: bytes.toString() };
}
const BODIES = {
  '/v1/chat/completions': (model: string) => ({ model, messages: [{ role: 'user', content: 'hi' }] }),
  '/api/v1/chat/completions': (model: string) => ({ model_name: model, input: 'hi' }),
};
type Path = keyof typeof BODIES;

const EVENTS = { 'content-type': 'text/event-stream' };
const WHOLE = 'data: {"t":"a"}\n\n';
const begin =
  (then: RawAnswer, events = WHOLE): RawAnswer =>
  (response, request) => {
    response.writeHead(200, EVENTS).write(events, () => void then(response, request));
  };
const withoutBeats = (text: string): string => text.replaceAll(BEAT, '');

/** The last event is an error, and there is no end marker. */
function expectBroken(text: string, why: RegExp): void {
  const events = withoutBeats(text).split('\n\n');
  expect(events.pop()).toBe('');
  const { error } = JSON.parse((events.pop() ?? '').slice('data: '.length)) as { error: { message: string } };
  expect(error.message).toMatch(why);
  expect(text).not.toContain('[DONE]');
}

describe('a passed-through stream', () => {
  it('keeps every byte, however it was cut', async () => {
    const event = fc
      .tuple(fc.array(lineText, { minLength: 1, maxLength: 3 }), lineEnd)
      .map(([lines, end]) => [...lines.map((line) => `data: ${line}`), '', ''].join(end));
    const cut = fc
      .tuple(fc.array(event, { maxLength: 4 }), fc.constantFrom('', 'data: [DONE]\n\n', 'data: [DO'))
      .map(([events, last]) => Buffer.from(events.join('') + last))
      // An empty one is none.
      .filter(({ length }) => length > 0)
      .chain(piecesOf);
    await fc.assert(
      fc.asyncProperty(cut, async (pieces) => {
        upstream.answer = async (response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).flushHeaders();
          for (const piece of pieces) {
            response.write(piece);
            // Written to the socket at once, in its own packet.
            await new Promise(setImmediate);
          }
          response.end();
        };
        const got = await stream(passed);
        // On a busy machine there are occasional silences that cause heartbeats.
        expect(withoutBeats(got.bytes.toString('latin1'))).toBe(Buffer.concat(pieces).toString('latin1'));
      }),
      { numRuns: 100 },
    );
  });

  it('has headers that keep proxies from buffering it', async () => {
    upstream.answer = begin((response) => response.end());
    const { headers } = await stream(passed);
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-mmm-attempts': '1',
    });
  });

  it.each([
    ['gzip', createGzip],
    ['deflate', createDeflate],
    ['br', createBrotliCompress],
  ] as const)(
    'is decompressed as it arrives if the upstream compresses it without a request to do so: %s',
    async (coding, compress) => {
      const done = 'data: {"done":true}\n\ndata: [DONE]\n\n';
      upstream.answer = async (response) => {
        response.writeHead(200, { ...EVENTS, 'content-encoding': coding });
        const zip = compress();
        zip.pipe(response);
        zip.write(WHOLE);
        zip.flush();
        // The rest is sent once the client has the first event.
        await hasReceived('"a"');
        zip.end(done);
      };
      const { headers, text } = await stream(passed);
      expect(headers).not.toHaveProperty('content-encoding');
      expect(withoutBeats(text)).toBe(WHOLE + done);
      expect((await stream(made)).text).toContain('"content":"a"');
    },
  );

  it('is passed through unchanged in an unknown content-encoding', async () => {
    upstream.answer = (response) =>
      response.writeHead(200, { ...EVENTS, 'content-encoding': 'x-own' }).end(WHOLE);
    const { text, headers } = await stream(passed);
    expect({ encoding: headers['content-encoding'], text }).toEqual({ encoding: 'x-own', text: WHOLE });
  });

  it.each([
    ['is cut off', gzipSync(`${WHOLE}${'x'.repeat(99)}`).subarray(0, -12), /middle of its gzip/],
    ['is not gzip at all', Buffer.from(WHOLE), /502|is gzip and is not/],
  ])('is reported as broken off when its gzip %s', async (_what, bytes, why) => {
    upstream.answer = (response) =>
      response.writeHead(200, { ...EVENTS, 'content-encoding': 'gzip' }).end(bytes);
    expect((await stream(passed)).text).toMatch(why);
  });

  it('is slowed by a slow reader and arrives whole, though it is large and compressed', async () => {
    const large = `data: ${'y'.repeat(5_000)}\n\n`.repeat(2_000);
    upstream.answer = (response) =>
      response.writeHead(200, { ...EVENTS, 'content-encoding': 'gzip' }).end(gzipSync(large));
    // A busy machine may be silent for long enough for a heartbeat; a comparison of 10 MB would print both.
    expect(withoutBeats((await stream(passed)).text) === large).toBe(true);
  });
});

describe('a heartbeat comment', () => {
  it('is sent in silence, between events only, and only after the headers', async () => {
    let beforeHeaders = '';
    upstream.answer = async (response) => {
      await sleep(HEARTBEAT_MS * 4);
      beforeHeaders = received;
      response.writeHead(200, EVENTS).flushHeaders();
      await hasReceived(BEAT);
      response.write('data: {"t":');
      await sleep(HEARTBEAT_MS * 4);
      response.write('"a"}\n\n');
      await hasReceived(`"a"}\n\n${BEAT}`);
      response.end('data: [DONE]\n\n');
    };
    const { text } = await stream(passed);
    expect(beforeHeaders).toBe('');
    expect(withoutBeats(text)).toBe('data: {"t":"a"}\n\ndata: [DONE]\n\n');
    expect(text.startsWith(BEAT)).toBe(true);
    expect(text).toContain(`"a"}\n\n${BEAT}`);
  });

  it('is also sent in template streams', async () => {
    upstream.answer = begin(async (response) => {
      await hasReceived(BEAT);
      response.end('data: {"done":true}\n\n');
    });
    const { text } = await stream(made);
    expect(text).toContain(BEAT);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('is never sent within an event that is too large to be buffered', async () => {
    const half = Buffer.alloc(1_200_000, 'x');
    upstream.answer = async (response) => {
      response.writeHead(200, EVENTS).write('data: ');
      response.write(half);
      await sleep(HEARTBEAT_MS * 4);
      response.write(half);
      response.end('\n\n');
    };
    const { text } = await stream(passed);
    // A busy machine takes long to send this much, so heartbeats may come before it.
    const event = text.replace(/^(: still here\n\n)+/, '');
    expect(event === `data: ${half.toString()}${half.toString()}\n\n`).toBe(true);
  });
});

const cutNow: RawAnswer = (response) => void response.socket?.destroy();
const BREAKS: Readonly<Record<string, readonly [RawAnswer, RegExp]>> = {
  'dies between events': [begin(cutNow), /closed the connection before/],
  'dies within an event': [begin(cutNow, `${WHOLE}data: {"t":"b`), /closed the connection before/],
  'dies within a character': [
    (response) => {
      response.writeHead(200, EVENTS);
      response.write(Buffer.from(`${WHOLE}data: {"t":"語`).subarray(0, -1), () => response.socket?.destroy());
    },
    /closed the connection before/,
  ],
  'falls silent': [begin(() => {}), /fell silent/],
  'sends bytes that are not HTTP': [
    (response) => {
      response.socket?.write(
        `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n11\r\n${WHOLE}\r\n`,
        () => response.socket?.end('zz this is no chunk\r\n'),
      );
    },
    /sent no valid HTTP/,
  ],
  'closes within an event of an answer without a length': [
    (response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${WHOLE}data: {"t":`);
    },
    /middle of|is invalid|ended before/,
  ],
};

describe.each(Object.entries(BREAKS))('an upstream that %s', (what, [answer, why]) => {
  it.each(['passed through', 'made from a template'])(
    'ends a stream that is %s with an error event',
    async (kind) => {
      upstream.answer = answer;
      const of = what === 'falls silent' ? impatient : models;
      const model = kind === 'passed through' ? of.passed : of.made;
      const { status, text } = await stream(model);
      expect(status).toBe(200);
      expect(withoutBeats(text).startsWith('data: {')).toBe(true);
      expectBroken(text, why);
      expect(upstream.calls).toBe(1);
      await until(async () => (await inFlight(service, model)) === 0);
    },
  );
});

const data = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;
const gpt = (delta: object, finish_reason: string | null = null): string =>
  data({ choices: [{ index: 0, delta, finish_reason }] });
/** By protocol, in the format of its API: an answer, the end marker, and an event that must not reach the client. */
const HELD_OPEN: Readonly<Record<string, readonly [Worker, string, string]>> = {
  'a template': [TEMPLATE, data({ t: 'all' }) + data({ t: '', done: true }), data({ t: 'late' })],
  'a template worker that reports usage': [
    { ...TEMPLATE, usage_extract: { input: 'i', output: 'n' } },
    data({ t: 'all' }) + data({ t: '', done: true, i: 1, n: 3 }),
    data({ t: 'late' }),
  ],
  'a template worker that should report usage and does not': [
    { ...TEMPLATE, usage_extract: { input: 'i', output: 'n' } },
    data({ t: 'all' }) + data({ t: '', done: true }),
    data({ t: 'late' }),
  ],
  OpenAI: [
    { protocol: 'openai' },
    `${gpt({ content: 'all' }) + gpt({}, 'stop')}data: [DONE]\n\n`,
    gpt({ content: 'late' }),
  ],
  Anthropic: [
    { protocol: 'anthropic' },
    [
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'all' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
      { type: 'message_stop' },
    ]
      .map(data)
      .join(''),
    data({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'late' } }),
  ],
};

const openAiError = { error: { message: 'the engine died', code: 500 } };
/** By protocol, in the format of its API: events without output followed by an error, and an answer. */
const EARLY: Readonly<Record<string, readonly [Worker, string, string]>> = {
  'a template': [TEMPLATE, data({ error: 'the engine died' }), data({ t: 'all' }) + data({ done: true })],
  'a template worker that ends its stream at once': [
    TEMPLATE,
    ': hi\n\n',
    data({ t: 'all' }) + data({ done: true }),
  ],
  OpenAI: [
    { protocol: 'openai' },
    gpt({ role: 'assistant', content: '' }) + data(openAiError),
    gpt({ content: 'all' }) + gpt({}, 'stop'),
  ],
  'OpenAI that reports usage from the first event on': [
    { protocol: 'openai' },
    data({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 0 } }) + data(openAiError),
    data({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 0 } }) +
      gpt({ content: 'all' }) +
      gpt({}, 'stop'),
  ],
  Anthropic: [
    { protocol: 'anthropic' },
    [
      { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } },
      { type: 'ping' },
      { type: 'error', error: { type: 'overloaded_error', message: 'the engine died' } },
    ]
      .map(data)
      .join(''),
    [
      { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'all' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
      { type: 'message_stop' },
    ]
      .map(data)
      .join(''),
  ],
};

describe.each(Object.entries(EARLY))(
  'a stream of %s that fails before its first output',
  (_what, example) => {
    const [worker, failing, wire] = example;
    const inOne =
      (text: string): RawAnswer =>
      (response) =>
        response.writeHead(200, EVENTS).end(text);
    const send = (model: string) => {
      const body = { model_name: model, input: 'hi', stream: true };
      return service.post('/api/v1/chat/completions', body);
    };

    it('is requested from another worker', async () => {
      const other = await startRawUpstream(inOne(wire));
      upstream.answer = inOne(failing);
      const model = await modelOn(service, upstream, { ...worker, priority: 0 });
      await modelOn(service, other, { ...worker, model_name: model, priority: 1 });
      const { status, text, headers } = await send(model);
      expect({
        status,
        calls: upstream.calls,
        callsOfOther: other.calls,
        attempts: headers.get('x-mmm-attempts'),
      }).toEqual({ status: 200, calls: 1, callsOfOther: 1, attempts: '2' });
      expect(text).toContain('"content":"all"');
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
      await other.close();
    });

    it('is answered with an error status when there is no other worker', async () => {
      upstream.answer = inOne(failing);
      const { status, json } = await send(await modelOn(service, upstream, worker));
      expect({ status, json }).toMatchObject({ status: 502, json: { success: false } });
    });

    it('is reported within the stream and not retried once a heartbeat was sent', async () => {
      upstream.answer = async (response) => {
        response.writeHead(200, EVENTS).write(': hi\n\n');
        await hasReceived(BEAT);
        response.end(failing);
      };
      const other = await startRawUpstream(inOne(wire));
      const model = await modelOn(service, upstream, { ...worker, priority: 0 });
      await modelOn(service, other, { ...worker, model_name: model, priority: 1 });
      const { status, text } = await stream(model, '/api/v1/chat/completions');
      expect({ status, callsOfOther: other.calls }).toEqual({ status: 200, callsOfOther: 0 });
      expectBroken(text, /./);
      await other.close();
    });
  },
);

const JSON_HEADERS = { 'content-type': 'application/json' };
/** By protocol: an answer that is no stream, and an error. */
const WHOLE_INSTEAD: Readonly<Record<string, readonly [object, object]>> = {
  openai: [{ choices: [{ message: { content: 'all' }, finish_reason: 'length' }] }, openAiError],
  anthropic: [
    { content: [{ type: 'text', text: 'all' }], stop_reason: 'max_tokens' },
    { type: 'error', error: { type: 'x', message: 'the engine died' } },
  ],
  gemini: [
    { candidates: [{ content: { parts: [{ text: 'all' }] }, finishReason: 'MAX_TOKENS' }] },
    { error: { code: 500, message: 'the engine died' } },
  ],
};

describe.each(Object.entries(WHOLE_INSTEAD))(
  'a %s worker that does not stream although a stream was requested',
  (protocol, [good, bad]) => {
    const send = (model: string) =>
      service.post('/api/v1/chat/completions', { model_name: model, input: 'hi', stream: true });

    it('has its whole answer converted to a stream', async () => {
      const model = await modelOn(service, upstream, { protocol });
      for (const type of ['application/json', 'text/plain']) {
        upstream.answer = (response) =>
          response.writeHead(200, { 'content-type': type }).end(JSON.stringify(good));
        const { status, text } = await send(model);
        expect(status).toBe(200);
        expect(text).toMatch(/"content":"all".*"finish_reason":"length".*\[DONE\]\n\n$/s);
      }
    });

    it('is covered by heartbeats while it is silent', async () => {
      upstream.answer = async (response) => {
        response.writeHead(200, JSON_HEADERS).flushHeaders();
        await hasReceived(BEAT);
        response.end(JSON.stringify(good));
      };
      const model = await modelOn(service, upstream, { protocol });
      const { text } = await stream(model, '/api/v1/chat/completions');
      expect(text.startsWith(BEAT)).toBe(true);
      expect(text).toMatch(/"content":"all".*\[DONE\]\n\n$/s);
    });

    it('counts as failed if it sends an error or a web page, and another worker is called', async () => {
      const model = await modelOn(service, upstream, { protocol, priority: 0 });
      upstream.answer = (response) => response.writeHead(200, JSON_HEADERS).end(JSON.stringify(bad));
      expect(await send(model)).toMatchObject({
        status: 502,
        text: expect.stringMatching(/application\/json came: .*the engine died/) as string,
      });
      upstream.answer = (response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>');
      expect(await send(model)).toMatchObject({
        status: 502,
        text: expect.stringMatching(/text\/html came: .*not JSON/) as string,
      });
      const other = await startRawUpstream((response) =>
        response.writeHead(200, JSON_HEADERS).end(JSON.stringify(good)),
      );
      await modelOn(service, other, { protocol, model_name: model, priority: 1 });
      const { status, text } = await send(model);
      expect({ status, callsOfOther: other.calls }).toEqual({ status: 200, callsOfOther: 1 });
      expect(text).toContain('"content":"all"');
      await other.close();
    });
  },
);

it('reads a Gemini stream that comes as a JSON array to its end', async () => {
  const piece = (text: string, finishReason?: string) => ({
    candidates: [{ content: { parts: [{ text }] }, finishReason }],
  });
  upstream.answer = (response) =>
    response.writeHead(200, JSON_HEADERS).end(JSON.stringify([piece('a'), piece('b', 'STOP')]));
  const model = await modelOn(service, upstream, { protocol: 'gemini' });
  const body = { model_name: model, input: 'hi', stream: true };
  const { text } = await service.post('/api/v1/chat/completions', body);
  expect(text).toMatch(/"content":"a".*"content":"b".*\[DONE\]\n\n$/s);
});

it('reads an event of several MiB, as Gemini sends images', async () => {
  const part = { inlineData: { mimeType: 'image/png', data: 'A'.repeat(4 * 1024 * 1024) } };
  const event = { candidates: [{ content: { parts: [{ text: 'all' }, part] }, finishReason: 'STOP' }] };
  upstream.answer = (response) => response.writeHead(200, EVENTS).end(data(event));
  const model = await modelOn(service, upstream, { protocol: 'gemini' });
  const body = { model_name: model, input: 'hi', stream: true };
  const { status, text } = await service.post('/api/v1/chat/completions', body);
  expect({ status, text }).toEqual({
    status: 200,
    text: expect.stringMatching(/"content":"all".*\[DONE\]\n\n$/s),
  });
});

describe.each(Object.entries(HELD_OPEN))('an answer of %s', (_what, [worker, wire, late]) => {
  it('ends at its end marker, though the upstream goes on and keeps the connection open', async () => {
    let response: ServerResponse | undefined;
    upstream.answer = (answer) => {
      response = answer;
      answer.writeHead(200, EVENTS).write(wire + late);
    };
    const model = await modelOn(service, upstream, { timeouts: { idle_ms: 60_000 }, ...worker });
    const { status, json, text } = await service.post('/api/v1/chat/completions', {
      model_name: model,
      input: 'hi',
      stream: true,
    });
    expect({ status, json }).toEqual({ status: 200, json: undefined });
    expect(text).toContain('"content":"all"');
    expect(text).not.toMatch(/late|error/);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    await until(async () => (await inFlight(service, model)) === 0);
    // A limit also ends the reading.
    await until(() => response?.destroyed === true);
  });

  it('keeps the connection for the next request when the stream ends soon after the marker', async () => {
    upstream.answer = (response) => {
      response.writeHead(200, EVENTS).write(wire, () => setImmediate(() => response.end()));
    };
    const own = await startRawUpstream(upstream.answer);
    const model = await modelOn(service, own, worker);
    const body = { model_name: model, input: 'hi', stream: true };
    for (let i = 0; i < 3; i++) {
      expect((await service.post('/api/v1/chat/completions', body)).status).toBe(200);
      await sleep(60);
    }
    expect({ calls: own.calls, connections: own.sockets.size }).toEqual({ calls: 3, connections: 1 });
    await own.close();
  });
});

describe('the upstream of a stream', () => {
  it('leaves the answer intact when it dies after the end marker', async () => {
    upstream.answer = begin(cutNow, `${WHOLE}data: [DONE]\n\n`);
    // A slow machine may send a heartbeat before the connection is cut.
    expect((await stream(passed)).text.replaceAll(BEAT, '')).toBe(`${WHOLE}data: [DONE]\n\n`);
    upstream.answer = begin(cutNow, `${WHOLE}data: {"done":true}\n\n`);
    const { text } = await stream(made);
    expect(text).not.toContain('error');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('is not called again when it is silent after headers that the client has received', async () => {
    upstream.answer = async (response) => {
      response.writeHead(200, EVENTS).flushHeaders();
      await hasReceived(BEAT);
      response.socket?.destroy();
    };
    const { status, text } = await stream(passed);
    expect(status).toBe(200);
    expectBroken(text, /closed the connection before/);
    expect(upstream.calls).toBe(1);
  });

  it('is reported to the client when it is silent for too long after its headers', async () => {
    const hung = await modelOn(service, upstream, { timeouts: { first_byte_ms: 2_000 } });
    upstream.answer = (response) => response.writeHead(200, EVENTS).flushHeaders();
    const { text, status } = await stream(hung);
    expect(status).toBe(200);
    expectBroken(text, /sent nothing/);
  });

  it('is replaced by the next worker if it rejects the request, but only before the first byte', async () => {
    const other = await startRawUpstream(begin((response) => response.end('data: [DONE]\n\n')));
    const model = await modelOn(service, upstream);
    await modelOn(service, other, { model_name: model });
    upstream.answer = (response) => response.writeHead(503).end('busy');
    for (let i = 0; i < 4; i++) expect((await stream(model)).text).toBe(`${WHOLE}data: [DONE]\n\n`);
    upstream.answer = begin(cutNow);
    const seen = new Set<boolean>();
    for (let i = 0; i < 8; i++) seen.add((await stream(model)).text.includes('[DONE]'));
    expect(other.calls + upstream.calls).toBeGreaterThanOrEqual(12);
    expect([...seen]).toContain(true);
    await other.close();
  });

  it.each([400, 404, 422, 500])('has its own error passed through with its status %i', async (code) => {
    const error = '{"error":{"message":"no","type":"x","param":null,"code":"y"}}';
    upstream.answer = (response) =>
      response.writeHead(code, { 'content-type': 'application/json' }).end(error);
    const { status, text, headers } = await stream(passed);
    expect({ status, text, contentType: headers['content-type'] }).toEqual({
      status: code,
      text: error,
      contentType: 'application/json',
    });
  });

  it('may compress its error', async () => {
    upstream.answer = (response) =>
      response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('{"error":{"message":"no"}}'));
    expect(await stream(passed)).toMatchObject({ status: 400, text: '{"error":{"message":"no"}}' });
  });

  it('may answer a stream request with JSON, which is passed through or reported as an error', async () => {
    const json = '{"choices":\n[]}';
    upstream.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(json);
    const whole = await stream(passed);
    expect({ text: whole.text, contentType: whole.headers['content-type'] }).toEqual({
      text: json,
      contentType: 'application/json',
    });
    const { status, text } = await stream(made);
    expect({ status, text }).toEqual({
      status: 502,
      text: expect.stringMatching(/is invalid|end marker/),
    });
  });

  it('closes the connection of the client when raw bytes break off, since nothing else can signal it', async () => {
    upstream.answer = (response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': '1000' });
      response.write('half', () => response.socket?.destroy());
    };
    await expect(stream(passed)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    await until(async () => (await inFlight(service, passed)) === 0);
  });
});
