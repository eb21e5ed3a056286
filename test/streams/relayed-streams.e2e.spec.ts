import { createBrotliCompress, createDeflate, createGzip, gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Pool } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lineEnd, lineText, piecesOf } from '../arbitraries/stream.js';
import { startService, type TestService, until } from '../service.js';
import { type Answering, inFlight, modelOn, type RawUpstream, startRawUpstream } from './raw-upstream.js';

const HEARTBEAT_MS = 60;
const IDLE_MS = 600;
const BEAT = ': still here\n\n';

let service: TestService;
let upstream: RawUpstream;
let pool: Pool;
let passed: string;
let made: string;
beforeAll(async () => {
  service = await startService({
    STREAM_HEARTBEAT_MS: String(HEARTBEAT_MS),
    // What breaks here is meant to break: nobody is to be put aside for it.
    BALANCING_EJECT_FAILURES: '100',
    BALANCING_EJECT_SUCCESS_SHARE: '0',
    BALANCING_EJECT_CONNECT_ERRORS: '100',
  });
  upstream = await startRawUpstream((response) => response.end());
  const timeouts = { idle_ms: IDLE_MS, first_byte_ms: 2_000 };
  passed = await modelOn(service, upstream, { timeouts });
  made = await modelOn(service, upstream, {
    body: { p: '{USER_PROMPT}', stream: '{STREAM}' },
    is_stream: true,
    stream_extract: { text: 't', done: { path: 'done', equals: true } },
    timeouts,
  });
  pool = new Pool(service.url);
});
beforeEach(() => void (upstream.calls = 0));
afterAll(async () => {
  await pool.close();
  await service.stop();
  await upstream.close();
});

async function stream(model: string, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'hi' }] });
  const answer = await pool.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, bytes, text: bytes.toString() };
}

const EVENTS = { 'content-type': 'text/event-stream' };
const WHOLE = 'data: {"t":"a"}\n\n';
const begin =
  (then: Answering, events = WHOLE): Answering =>
  (response, request) => {
    response.writeHead(200, EVENTS).write(events, () => void then(response, request));
  };
const withoutBeats = (text: string): string => text.replaceAll(BEAT, '');

/** The last event says that it broke; nothing says that it is done. */
function expectBroken(text: string, why: RegExp): void {
  const events = withoutBeats(text).split('\n\n');
  expect(events.pop()).toBe('');
  const { error } = JSON.parse((events.pop() ?? '').slice('data: '.length)) as { error: { message: string } };
  expect(error.message).toMatch(why);
  expect(text).not.toContain('[DONE]');
}

describe('a stream that is passed on', () => {
  it('is every byte of it, however it was cut', async () => {
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
            // To the socket at once, in a packet of its own.
            await new Promise(setImmediate);
          }
          response.end();
        };
        const got = await stream(passed);
        // A busy machine is silent for long enough now and then.
        expect(withoutBeats(got.bytes.toString('latin1'))).toBe(Buffer.concat(pieces).toString('latin1'));
      }),
      { numRuns: 100 },
    );
  });

  it('says that nothing on the way may hold it back', async () => {
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
    'that is compressed though nobody asked for it is what it was before, as it comes: %s',
    async (coding, compress) => {
      const done = 'data: {"done":true}\n\ndata: [DONE]\n\n';
      let hasWaited = false;
      upstream.answer = (response) => {
        response.writeHead(200, { ...EVENTS, 'content-encoding': coding });
        const zip = compress();
        zip.pipe(response);
        zip.write(WHOLE);
        zip.flush();
        setTimeout(() => {
          hasWaited = true;
          zip.end(done);
        }, HEARTBEAT_MS * 4);
      };
      const body = JSON.stringify({ model: passed, stream: true, messages: [] });
      const headers = { 'content-type': 'application/json' };
      const answer = await pool.request({ method: 'POST', path: '/v1/chat/completions', headers, body });
      expect(answer.headers).not.toHaveProperty('content-encoding');
      const pieces: string[] = [];
      const cameLate: boolean[] = [];
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        cameLate.push(hasWaited);
        pieces.push(piece.toString());
      }
      expect(cameLate[0]).toBe(false);
      expect(withoutBeats(pieces.join(''))).toBe(WHOLE + done);
      expect((await stream(made)).text).toContain('"content":"a"');
    },
  );

  it('that is in a coding nobody here knows is passed on as it is', async () => {
    upstream.answer = (response) =>
      response.writeHead(200, { ...EVENTS, 'content-encoding': 'x-own' }).end(WHOLE);
    const { text, headers } = await stream(passed);
    expect([headers['content-encoding'], text]).toEqual(['x-own', WHOLE]);
  });

  it.each([
    ['is cut', gzipSync(`${WHOLE}${'x'.repeat(99)}`).subarray(0, -12), /middle of its gzip/],
    ['is not what it says', Buffer.from(WHOLE), /502|is gzip and is not/],
  ])('that is compressed and %s is told as one that broke', async (_what, bytes, why) => {
    upstream.answer = (response) =>
      response.writeHead(200, { ...EVENTS, 'content-encoding': 'gzip' }).end(bytes);
    expect((await stream(passed)).text).toMatch(why);
  });

  it('that is compressed and large is held up by a slow reader, and is whole', async () => {
    const large = `data: ${'y'.repeat(5_000)}\n\n`.repeat(2_000);
    upstream.answer = (response) =>
      response.writeHead(200, { ...EVENTS, 'content-encoding': 'gzip' }).end(gzipSync(large));
    expect((await stream(passed)).text === large).toBe(true);
  });
});

describe('a heartbeat', () => {
  it('comes in silence, between events only, and only after the headers', async () => {
    upstream.answer = async (response) => {
      await sleep(HEARTBEAT_MS * 4);
      response.writeHead(200, EVENTS).flushHeaders();
      await sleep(HEARTBEAT_MS * 4);
      response.write('data: {"t":');
      await sleep(HEARTBEAT_MS * 4);
      response.write('"a"}\n\n');
      await sleep(HEARTBEAT_MS * 4);
      response.end('data: [DONE]\n\n');
    };
    const startedMs = performance.now();
    const body = JSON.stringify({ model: passed, stream: true, messages: [] });
    const answer = await pool.request({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      body,
    });
    // Not before the upstream's own.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(HEARTBEAT_MS * 4);
    const text = await answer.body.text();
    expect(withoutBeats(text)).toBe('data: {"t":"a"}\n\ndata: [DONE]\n\n');
    expect(text.startsWith(BEAT)).toBe(true);
    expect(text).toContain(`"a"}\n\n${BEAT}`);
  });

  it('keeps template streams alive, too', async () => {
    upstream.answer = begin((response) => {
      setTimeout(() => response.end('data: {"done":true}\n\n'), HEARTBEAT_MS * 4);
    });
    const { text } = await stream(made);
    expect(text).toContain(BEAT);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('does not stand within an event that is too large to be held', async () => {
    const half = Buffer.alloc(1_200_000, 'x');
    upstream.answer = async (response) => {
      response.writeHead(200, EVENTS).write('data: ');
      response.write(half);
      await sleep(HEARTBEAT_MS * 4);
      response.write(half);
      response.end('\n\n');
    };
    const { text } = await stream(passed);
    // A busy machine takes long to send so much: in front of it silence may be filled.
    const event = text.replace(/^(: still here\n\n)+/, '');
    expect(event === `data: ${half.toString()}${half.toString()}\n\n`).toBe(true);
  });
});

const cutNow: Answering = (response) => void response.socket?.destroy();
const BREAKS: Readonly<Record<string, readonly [Answering, RegExp]>> = {
  'dies between events': [begin(cutNow), /broke off/],
  'dies within an event': [begin(cutNow, `${WHOLE}data: {"t":"b`), /broke off/],
  'dies within a character': [
    (response) => {
      response.writeHead(200, EVENTS);
      response.write(Buffer.from(`${WHOLE}data: {"t":"語`).subarray(0, -1), () => response.socket?.destroy());
    },
    /broke off/,
  ],
  'falls silent': [begin(() => {}), /fell silent/],
  'sends what is no HTTP': [
    (response) => {
      response.socket?.write(
        `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n11\r\n${WHOLE}\r\n`,
        () => response.socket?.end('zz this is no chunk\r\n'),
      );
    },
    /127\.0\.0\.1/,
  ],
  'closes within an event, and HTTP cannot tell': [
    (response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${WHOLE}data: {"t":`);
    },
    /middle of|makes no sense|ended before/,
  ],
};

describe.each(Object.entries(BREAKS))('an upstream that %s', (_what, [answer, why]) => {
  it.each(['passed on', 'made from a template'])('ends a stream that is %s with an error', async (kind) => {
    upstream.answer = answer;
    const model = kind === 'passed on' ? passed : made;
    const { status, text } = await stream(model);
    expect(status).toBe(200);
    expect(withoutBeats(text).startsWith('data: {')).toBe(true);
    expectBroken(text, why);
    expect(upstream.calls).toBe(1);
    await until(async () => (await inFlight(service, model)) === 0);
  });
});

describe('an upstream', () => {
  it('that dies after the end of the answer has spoiled nothing of it', async () => {
    upstream.answer = begin(cutNow, `${WHOLE}data: [DONE]\n\n`);
    expect((await stream(passed)).text).toBe(`${WHOLE}data: [DONE]\n\n`);
    upstream.answer = begin(cutNow, `${WHOLE}data: {"done":true}\n\n`);
    const { text } = await stream(made);
    expect(text).not.toContain('error');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('that is silent after its headers is not called again once the caller knows of them', async () => {
    upstream.answer = (response) => {
      response.writeHead(200, EVENTS).flushHeaders();
      setTimeout(() => response.socket?.destroy(), HEARTBEAT_MS * 3);
    };
    const { status, text } = await stream(passed);
    expect(status).toBe(200);
    expectBroken(text, /broke off/);
    expect(upstream.calls).toBe(1);
  });

  it('that is silent for too long after its headers has a caller who is told', async () => {
    const hung = await modelOn(service, upstream, { timeouts: { first_byte_ms: HEARTBEAT_MS * 5 } });
    upstream.answer = (response) => response.writeHead(200, EVENTS).flushHeaders();
    const { text, status } = await stream(hung);
    expect(status).toBe(200);
    expectBroken(text, /sent nothing/);
  });

  it('that refuses is heard, and the next one asked before the first byte only', async () => {
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

  it.each([400, 404, 422, 500])(
    'that answers %i has its own error passed on, with its status',
    async (code) => {
      const error = '{"error":{"message":"no","type":"x","param":null,"code":"y"}}';
      upstream.answer = (response) =>
        response.writeHead(code, { 'content-type': 'application/json' }).end(error);
      const { status, text, headers } = await stream(passed);
      expect([status, text, headers['content-type']]).toEqual([code, error, 'application/json']);
    },
  );

  it('that compresses its error is read all the same', async () => {
    upstream.answer = (response) =>
      response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('{"error":"no"}'));
    expect(await stream(passed)).toMatchObject({ status: 400, text: '{"error":"no"}' });
  });

  it('that answers JSON although a stream was asked for is passed on as what it is, or told as an error', async () => {
    const json = '{"choices":\n[]}';
    upstream.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(json);
    const whole = await stream(passed);
    expect([whole.text, whole.headers['content-type']]).toEqual([json, 'application/json']);
    expectBroken((await stream(made)).text, /makes no sense|end marker/);
  });

  it('whose bytes break off takes the connection with it: nothing else can tell', async () => {
    upstream.answer = (response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': '1000' });
      response.write('half', () => response.socket?.destroy());
    };
    await expect(stream(passed)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    await until(async () => (await inFlight(service, passed)) === 0);
  });
});
