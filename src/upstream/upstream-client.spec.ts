import { getEventListeners, once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  json,
  slow,
  startFakeUpstream,
  text,
  type Behaviour,
  type FakeUpstream,
} from '../../test/fakes/fake-upstream.js';
import { UpstreamClient, type UpstreamCall } from './upstream-client.js';
import { UpstreamError } from './failure.js';
import { UpstreamGuard } from './upstream-guard.js';

const settings = { allowCidrs: [], denyCidrs: [], allowLoopback: true };
const maxResponseBytes = 64 * 1024;
const patient = { connectMs: 2_000, firstByteMs: null, idleMs: null, totalMs: 10_000 };

const started: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.close()));
});
const start = async (behaviour: Behaviour): Promise<FakeUpstream> => {
  const upstream = await startFakeUpstream(behaviour);
  started.push(upstream);
  return upstream;
};
const client = (limit = maxResponseBytes, guard = new UpstreamGuard(settings)): UpstreamClient => {
  const made = new UpstreamClient(guard, { maxResponseBytes: limit });
  started.unshift(made);
  return made;
};
const callTo = (origin: string, given: Partial<UpstreamCall> = {}): UpstreamCall => ({
  method: 'POST',
  origin,
  path: '/generate?key=s3cret',
  headers: { 'content-type': 'application/json', authorization: 'Bearer hunter2' },
  body: '{"input":"hello"}',
  timeouts: patient,
  ...given,
});
const failure = async (answer: Promise<unknown>): Promise<UpstreamError> => {
  const error: unknown = await answer.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof UpstreamError)) throw new Error('not an UpstreamError', { cause: error });
  expect(error.message).not.toMatch(/s3cret|hunter2/);
  return error;
};
/** The result of a call to an upstream with this fault. */
const failureOf = async (
  behaviour: Behaviour,
  given: Partial<UpstreamCall> = {},
): Promise<{ error: UpstreamError; upstream: FakeUpstream }> => {
  const upstream = await start(behaviour);
  return { error: await failure(client().send(callTo(upstream.url, given), null)), upstream };
};
/** A server that answers any request with these bytes, and closes if requested. */
const raw = async (bytes: string, end = true): Promise<string> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => (end ? socket.end(bytes, 'latin1') : socket.write(bytes, 'latin1')));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  return originOf(server.address());
};
const originOf = (address: AddressInfo | string | null): string =>
  `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;

describe('an answer', () => {
  it('has its status, headers and text, and the request arrives unchanged', async () => {
    const upstream = await start(json({ answer: '你好 🌍' }, 201));
    const answer = await client().send(callTo(upstream.url), null);
    expect(answer).toMatchObject({ status: 201, headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(answer.text)).toEqual({ answer: '你好 🌍' });
    expect(upstream.requests).toMatchObject([
      {
        method: 'POST',
        url: '/generate?key=s3cret',
        body: '{"input":"hello"}',
        headers: { authorization: 'Bearer hunter2', 'content-length': '17' },
      },
    ]);
  });

  it('may answer a GET without a body', async () => {
    const upstream = await start(text('ok'));
    await client().send(callTo(upstream.url, { method: 'GET', body: null }), null);
    expect(upstream.requests).toMatchObject([{ method: 'GET', body: '' }]);
    expect(upstream.requests[0]?.headers['content-length']).toBeUndefined();
  });

  it.each([400, 404, 429, 500, 503])('may have status %d', async (status) => {
    const upstream = await start(text('no', status, { 'retry-after': '3' }));
    const answer = await client().send(callTo(upstream.url), null);
    expect(answer).toMatchObject({ status, text: 'no', headers: { 'retry-after': '3' } });
  });

  it('may be a redirect, which is not followed', async () => {
    const target = await start(text('secret'));
    const upstream = await start(text('', 302, { location: target.url }));
    expect(await client().send(callTo(upstream.url), null)).toMatchObject({ status: 302 });
    expect(target.calls).toBe(0);
  });

  it('may have no body', async () => {
    const origin = await raw('HTTP/1.1 204 No Content\r\n\r\n');
    expect(await client().send(callTo(origin), null)).toMatchObject({ status: 204, text: '' });
  });

  it('may follow informational ones', async () => {
    const origin = await raw(
      'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    );
    expect(await client().send(callTo(origin), null)).toMatchObject({ status: 200, text: 'ok' });
  });

  it('may be chunked, with characters cut in two', async () => {
    const bytes = Buffer.from('é').toString('latin1');
    const origin = await raw(
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\na${bytes[0]}\r\n2\r\n${bytes[1]}b\r\n0\r\n\r\n`,
    );
    expect(await client().send(callTo(origin), null)).toMatchObject({ text: 'aéb' });
  });

  it('may end with the connection, as HTTP/1.0 answers do', async () => {
    const origin = await raw('HTTP/1.0 200 OK\r\n\r\nthe whole');
    expect(await client().send(callTo(origin), null)).toMatchObject({ text: 'the whole' });
  });

  it('of 10 MB is read whole', async () => {
    const body = 'x'.repeat(10 * 1024 * 1024);
    const upstream = await start(text(body));
    const answer = await client(16 * 1024 * 1024).send(callTo(upstream.url), null);
    expect(answer.text === body).toBe(true);
  });

  it('is read in the charset it names, without a byte order mark', async () => {
    const latin = await raw('HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=ISO-8859-1\r\n\r\n\xe9');
    expect(await client().send(callTo(latin), null)).toMatchObject({ text: 'é' });
    const marked = await start(text('\ufeff{}'));
    expect(await client().send(callTo(marked.url), null)).toMatchObject({ text: '{}' });
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])('is decompressed from %s, although the request did not accept it', async (coding, compress) => {
    const upstream = await start((response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(compress('hello'));
    });
    expect(await client().send(callTo(upstream.url), null)).toMatchObject({ text: 'hello' });
  });

  it('leaves its connection open for the next call', async () => {
    const upstream = await start(text('ok'));
    const one = client();
    for (let n = 0; n < 9; n += 1) await one.send(callTo(upstream.url), null);
    // undici rests a connection for one turn of the event loop, so calls back to back take turns on two.
    expect(upstream.openConnections).toBeLessThanOrEqual(2);
  });
});

describe('an upstream that', () => {
  it('refuses connections is named with its address', async () => {
    const upstream = await start(text('ok'));
    await upstream.kill();
    const error = await failure(client().send(callTo(upstream.url), null));
    expect(error).toMatchObject({ kind: 'connect' });
    expect(error.message).toBe(`connection refused by 127.0.0.1:${upstream.port}`);
  });

  it('refuses connections at every address of its name is a failure to connect', async () => {
    const upstream = await start(text('ok'));
    await upstream.kill();
    const error = await failure(client().send(callTo(`http://localhost:${upstream.port}`), null));
    expect(error).toMatchObject({ kind: 'connect' });
    expect(error.message).toMatch(/^connection refused by localhost:\d+ \(.+\)$/);
  });

  it('does not resolve is a failure to connect', async () => {
    const error = await failure(client().send(callTo('http://no-such-host.invalid'), null));
    expect(error).toMatchObject({ kind: 'connect' });
    expect(error.message).toContain('no-such-host.invalid');
  });

  it('does not speak the required TLS is a failure to connect', async () => {
    const upstream = await start(text('ok'));
    const error = await failure(client().send(callTo(upstream.url.replace('http:', 'https:')), null));
    expect(error).toMatchObject({ kind: 'connect' });
  });

  it.each(['closes', 'resets'] as const)(
    '%s before it answers has closed before the answer',
    async (name) => {
      const { error } = await failureOf(name);
      expect(error).toMatchObject({ kind: 'closed_before_answer' });
    },
  );

  it('closed a kept connection meanwhile has closed before the answer, or is called again', async () => {
    const upstream = await start(text('ok'));
    const one = client();
    await one.send(callTo(upstream.url), null);
    upstream.behave('closes');
    const error = await failure(one.send(callTo(upstream.url), null));
    expect(error).toMatchObject({ kind: 'closed_before_answer' });
    upstream.behave(text('again'));
    await one.send(callTo(upstream.url), null);
    upstream.dropIdleConnections();
    await vi.waitFor(() => expect(upstream.openConnections).toBe(0));
    expect(await one.send(callTo(upstream.url), null)).toMatchObject({ text: 'again' });
  });

  it.each(['closes_half_way', 'closes_mid_chunks', 'resets_half_way'] as const)(
    '%s has broken off its answer',
    async (name) => {
      const { error } = await failureOf(name);
      expect(error).toMatchObject({ kind: 'broken' });
    },
  );

  it.each([
    ['in its headers', 'HTTP/1.1 200 OK\r\ncontent-ty'],
    ['after its headers', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n'],
    [
      'between chunks',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\nok\r\n',
    ],
    ['after an early hint', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['after two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'after a length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('closes %s has broken off its answer', async (_where, bytes) => {
    const error = await failure(client().send(callTo(await raw(bytes)), null));
    expect(error).toMatchObject({ kind: 'broken' });
  });

  it.each([
    ['no HTTP', '\x00\x01 this is no HTTP \xff\r\n\r\n'],
    ['another protocol', '220 smtp.example.org ESMTP\r\n'],
    ['a bad chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    [
      'an unexpected 100 Continue',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    ],
    ['an unexpected 101', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\n\r\nx'],
    ['gzip that is none', 'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nx'],
  ])('answers %s is malformed', async (_what, bytes) => {
    const error = await failure(client().send(callTo(await raw(bytes)), null));
    expect(error).toMatchObject({ kind: 'bad_answer' });
  });

  it('sends headers for ever is stopped', async () => {
    const { error, upstream } = await failureOf('headers_never_stop');
    expect(error).toMatchObject({ kind: 'bad_answer', message: expect.stringContaining('headers') });
    await vi.waitFor(() => expect(upstream.openConnections).toBe(0));
  });

  it('sends a body for ever is stopped at the limit, and its connection ended', async () => {
    const { error, upstream } = await failureOf('never_stops');
    expect(error).toMatchObject({ kind: 'too_large' });
    expect(error.message).toContain(String(maxResponseBytes));
    await vi.waitFor(() => expect(upstream.openConnections).toBe(0));
  });

  it('announces too much is not read at all', async () => {
    const origin = await raw('HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n', false);
    expect(await failure(client().send(callTo(origin), null))).toMatchObject({ kind: 'too_large' });
  });

  it('compresses too much into little is stopped at the same limit', async () => {
    const bomb = gzipSync('x'.repeat(maxResponseBytes + 1));
    const { error } = await failureOf((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    expect(error).toMatchObject({ kind: 'too_large' });
  });

  it('is denied is not called, by address or by name', async () => {
    const upstream = await start(text('secret'));
    const closed = client(maxResponseBytes, new UpstreamGuard({ ...settings, allowLoopback: false }));
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0x7f.1']) {
      const { origin } = new URL(`http://${host}:${upstream.port}`);
      const error = await failure(closed.send(callTo(origin), null));
      expect(error).toMatchObject({ kind: 'address_forbidden' });
    }
    expect(upstream.openConnections).toBe(0);
  });

  it('cannot be written to fails without the header in the error', async () => {
    const upstream = await start(text('ok'));
    const headers = { authorization: 'hunter2\r\nx-evil: 1' };
    const error = await failure(client().send(callTo(upstream.url, { headers }), null));
    expect(error).toMatchObject({ kind: 'unwritable_request' });
    expect(upstream.calls).toBe(0);
  });
});

const quick = (given: Partial<UpstreamCall['timeouts']>): Partial<UpstreamCall> => ({
  timeouts: { ...patient, ...given },
});

describe('many calls at once', () => {
  it('to an upstream that is down all fail to connect, and reach it again once it is back', async () => {
    const upstream = await start(text('ok'));
    const one = client();
    await upstream.kill();
    const sendAll = (): Promise<unknown>[] =>
      Array.from({ length: 50 }, () => one.send(callTo(upstream.url), null));
    const errors = await Promise.all(sendAll().map((answer) => failure(answer)));
    expect(new Set(errors.map(({ kind }) => kind))).toEqual(new Set(['connect']));
    await upstream.revive();
    await expect(Promise.all(sendAll())).resolves.toHaveLength(50);
  });

  it('to an upstream that is killed fail as closed before the answer, and none hangs', async () => {
    const upstream = await start('hangs');
    const one = client();
    const answers = Array.from({ length: 50 }, () => failure(one.send(callTo(upstream.url), null)));
    await vi.waitFor(() => expect(upstream.calls).toBe(50));
    await upstream.kill();
    const kinds = (await Promise.all(answers)).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['closed_before_answer']));
  });
});

describe('a timeout', () => {
  it.each([
    ['total_timeout', 'hangs', { totalMs: 80 }],
    ['total_timeout', 'drips', { totalMs: 250, idleMs: 5_000 }],
    ['total_timeout', 'hangs_after_headers', { totalMs: 80 }],
    ['first_byte_timeout', 'hangs', { firstByteMs: 80, idleMs: 1_000 }],
    ['idle_timeout', 'hangs_after_headers', { firstByteMs: 5_000, idleMs: 80 }],
  ] as const)('of kind %s ends a call of an upstream that %s', async (kind, name, timeouts) => {
    const { error, upstream } = await failureOf(name, quick(timeouts));
    expect(error).toMatchObject({ kind });
    expect(error.message).toContain(`127.0.0.1:${upstream.port}`);
    await vi.waitFor(() => expect(upstream.aborted).toBe(1));
  });

  it('for the first byte waits for the body: headers do not count', async () => {
    const origin = await raw('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', false);
    const timeouts = quick({ firstByteMs: 80, idleMs: 5_000 });
    const error = await failure(client().send(callTo(origin, timeouts), null));
    expect(error).toMatchObject({ kind: 'body_timeout' });
  });

  it('for connecting does not limit the answer', async () => {
    const upstream = await start(slow(300, text('late')));
    const answer = await client().send(callTo(upstream.url, quick({ connectMs: 100 })), null);
    expect(answer.text).toBe('late');
  });

  it('for silence does not end an answer that continues', async () => {
    const upstream = await start((response) => {
      response.writeHead(200);
      let left = 6;
      const timer = setInterval(() => {
        left -= 1;
        if (left > 0) return response.write('.');
        clearInterval(timer);
        return response.end('!');
      }, 60);
    });
    const answer = await client().send(callTo(upstream.url, quick({ firstByteMs: 250, idleMs: 250 })), null);
    expect(answer.text).toBe('.....!');
  });

  it('may be longer than the longest timer', async () => {
    const upstream = await start(slow(20, text('ok')));
    const timeouts = quick({ totalMs: 2 ** 40, connectMs: 2 ** 40 });
    expect((await client().send(callTo(upstream.url, timeouts), null)).text).toBe('ok');
  });

  it('for connecting ends a connection that is never accepted', async () => {
    // A listener whose thread sleeps: the kernel fills its queue and then drops what comes.
    const sleeper = new Worker(
      `const server = require('node:net').createServer().listen(0, '127.0.0.1', 1, () => {
         require('node:worker_threads').parentPort.postMessage(server.address());
         setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 10);
       });`,
      { eval: true },
    );
    onTestFinished(async () => void (await sleeper.terminate()));
    const [address]: AddressInfo[] = await once(sleeper, 'message');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const one = client();
    const timeouts = { ...patient, connectMs: 300, totalMs: 900 };
    const answers = Array.from({ length: 6 }, () =>
      failure(one.send(callTo(originOf(address ?? null), { timeouts }), null)),
    );
    const errors = await Promise.all(answers);
    const connecting = errors.filter(({ kind }) => kind === 'connect_timeout');
    expect(connecting.length).toBeGreaterThan(0);
    await sleeper.terminate();
  });
});

describe('a client that disconnects', () => {
  it('ends the connection to the upstream', async () => {
    const upstream = await start('hangs');
    const disconnect = new AbortController();
    const answer = failure(client().send(callTo(upstream.url), disconnect.signal));
    await vi.waitFor(() => expect(upstream.calls).toBe(1));
    disconnect.abort(new Error('hunter2'));
    expect(await answer).toMatchObject({ kind: 'aborted' });
    await vi.waitFor(() => expect(upstream.aborted).toBe(1), { interval: 5, timeout: 100 });
  });

  it('ends it in the middle of an answer, too', async () => {
    const upstream = await start('drips');
    const disconnect = new AbortController();
    const answer = failure(client().send(callTo(upstream.url), disconnect.signal));
    await new Promise((resolve) => setTimeout(resolve, 250));
    disconnect.abort();
    expect(await answer).toMatchObject({ kind: 'aborted' });
    await vi.waitFor(() => expect(upstream.aborted).toBe(1));
  });

  it('before the call sends nothing to the upstream', async () => {
    const upstream = await start(text('ok'));
    const error = await failure(client().send(callTo(upstream.url), AbortSignal.abort()));
    expect(error.kind).toBe('aborted');
    expect(upstream.openConnections).toBe(0);
  });

  it('while connecting sends nothing, and the connection serves another', async () => {
    const upstream = await start(text('ok'));
    const disconnect = new AbortController();
    const one = client();
    const answer = failure(one.send(callTo(upstream.url), disconnect.signal));
    disconnect.abort();
    expect(await answer).toMatchObject({ kind: 'aborted' });
    await one.send(callTo(upstream.url), null);
    expect(upstream.calls).toBe(1);
  });

  it('may use any object with the interface of a signal', async () => {
    const upstream = await start('hangs');
    const listeners = new Set<{ handleEvent(): void }>();
    const signal = {
      aborted: false,
      addEventListener: (_type: 'abort', listener: { handleEvent(): void }) => void listeners.add(listener),
      removeEventListener: (_type: 'abort', listener: { handleEvent(): void }) =>
        void listeners.delete(listener),
    };
    const answer = failure(client().send(callTo(upstream.url), signal));
    await vi.waitFor(() => expect(upstream.calls).toBe(1));
    for (const listener of listeners) listener.handleEvent();
    expect(await answer).toMatchObject({ kind: 'aborted' });
    expect(listeners.size).toBe(0);
  });

  it('leaves no listener on the signal, and neither does an answer', async () => {
    const upstream = await start(text('ok'));
    const one = client();
    const { signal } = new AbortController();
    for (let n = 0; n < 1_000; n += 1) await one.send(callTo(upstream.url), signal);
    await upstream.kill();
    await failure(one.send(callTo(upstream.url), signal));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('closing', () => {
  it('lets a running call finish and rejects further ones', async () => {
    const upstream = await start(slow(100, text('done')));
    const one = client();
    const running = one.send(callTo(upstream.url), null);
    await vi.waitFor(() => expect(upstream.calls).toBe(1));
    const closed = one.close();
    expect(await failure(one.send(callTo(upstream.url), null))).toMatchObject({ kind: 'aborted' });
    expect((await running).text).toBe('done');
    await closed;
    await vi.waitFor(() => expect(upstream.openConnections).toBe(0));
  });
});
