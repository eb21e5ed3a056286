import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { type RawAnswer, inFlight, modelOn, type RawUpstream, startRawUpstream } from './raw-upstream.js';

const MIB = 1024 * 1024;
/** The most that may be buffered between an upstream and a client that does not read: sockets, and one buffer of each stream. */
const UNDER_WAY = 24 * MIB;
/** The number of bytes that the upstream tries to send. */
const ALL = 128 * MIB;
/** Long enough for a busy machine to fill all buffers up to the client before it. */
const REQUEST_TIMEOUT_MS = 6_000;

let service: TestService;
/** With the default timeouts. */
let patient: TestService;
let upstream: RawUpstream;
/** Bytes of the current answer that were handed to its connection. */
let written: () => number;
let isBrokenOff: () => boolean;
beforeAll(async () => {
  service = await startService({ REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS) });
  patient = await startService();
  service.app.getHttpServer().on('connection', (socket: Socket) => connections.push(socket));
  upstream = await startRawUpstream((response) => response.end());
});
afterAll(async () => {
  await Promise.all([service.stop(), patient.stop()]);
  await upstream.close();
});

/** The open connections of the service. */
const connections: Socket[] = [];
const connectionOf = ({ localPort }: Socket): Socket | undefined =>
  connections.find(({ remotePort, destroyed }) => remotePort === localPort && !destroyed);
const isConnected = (client: Socket): boolean => connectionOf(client) !== undefined;
/** Whether the service holds bytes for the client that its connection does not take. */
const isHeldUp = (client: Socket): boolean => (connectionOf(client)?.writableLength ?? 0) > 0;

const PIECE = `data: {"t":"${'x'.repeat(32_000)}"}\n\n`;
const asMuchAsItCan =
  (contentType: string): RawAnswer =>
  (response) => {
    response.writeHead(200, { 'content-type': contentType });
    const { socket } = response;
    const before = socket?.bytesWritten ?? 0;
    isBrokenOff = () => socket?.destroyed === true;
    written = () => (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0) - before;
    let left = ALL / PIECE.length;
    const fill = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= 1;
        if (!response.write(PIECE)) return;
      }
      response.end();
    };
    response.on('drain', fill);
    fill();
  };

/** A client on a bare socket, which reads nothing until it is resumed. */
async function reader({ url }: TestService, model: string, stream = true): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.pause();
  const body = JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'hi' }] });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`.replace(
      'host: x',
      `host: ${hostname}:${port}`,
    ),
  );
  return socket;
}

/** Waits until no more is written. */
async function settled(): Promise<number> {
  for (let last = -1; ;) {
    const now = written();
    if (now === last && now > 0) return now;
    last = now;
    await sleep(150);
  }
}

const TEMPLATE = { body: { p: '{USER_PROMPT}' }, is_stream: true, stream_extract: { text: 't' } };
const KINDS: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  ['events that are passed through', {}, 'text/event-stream'],
  ['bytes that are passed through', {}, 'application/octet-stream'],
  ['events of a template worker', TEMPLATE, 'text/event-stream'],
];

describe.each(KINDS)('a client that does not read %s', (what, more, contentType) => {
  it('stops the upstream from writing and is finally disconnected', async () => {
    const model = await modelOn(service, upstream, more);
    written = () => 0;
    upstream.answer = asMuchAsItCan(contentType);
    const startedMs = performance.now();
    const socket = await reader(service, model);
    await until(() => isHeldUp(socket));
    const stoppedAt = await settled();
    process.stdout.write(`${what}: the upstream could write ${(stoppedAt / MIB).toFixed(1)} MiB\n`);
    expect(stoppedAt).toBeLessThan(UNDER_WAY);
    // After the request timeout, and again as long for a completely written answer.
    await until(async () => (await inFlight(service, model)) === 0);
    expect(performance.now() - startedMs).toBeGreaterThan(REQUEST_TIMEOUT_MS * 0.9);
    await until(() => isBrokenOff());
    await until(() => !isConnected(socket));
    socket.resume();
    await once(socket, 'close');
    expect(written()).toBeLessThan(UNDER_WAY);
  });

  it('receives everything when it reads after all', async () => {
    const model = await modelOn(patient, upstream, more);
    written = () => 0;
    upstream.answer = asMuchAsItCan(contentType);
    const socket = await reader(patient, model);
    await until(() => written() > 0);
    await sleep(300);
    let got = 0;
    let last: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length;
      last = chunk;
    });
    socket.resume();
    await until(() => last.subarray(-5).toString() === '0\r\n\r\n');
    expect(got).toBeGreaterThan(ALL * 0.9);
  });
});

it('disconnects a client that does not read an answer that is written whole', async () => {
  const model = await modelOn(service, upstream);
  const bytes = Buffer.from(`{"choices":"${'x'.repeat(32 * MIB)}"}`);
  upstream.answer = (response) => response.end(bytes);
  const socket = await reader(service, model, false);
  await until(() => isConnected(socket));
  await until(() => !isConnected(socket));
  socket.resume();
  await once(socket, 'close');
  expect(socket.bytesRead).toBeLessThan(bytes.length);
});

describe('a large answer that was requested whole', () => {
  const request = (model: string) =>
    fetch(`${patient.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, input: 'hi' }),
    });

  it('passes on byte by byte, with its length, and its tokens are counted', async () => {
    const model = await modelOn(patient, upstream);
    const usage = '"usage":{"prompt_tokens":77,"total_tokens":77}';
    const bytes = Buffer.from(
      `{"data":[{"embedding":"${randomBytes(6 * MIB).toString('base64')}"}],${usage}}`,
    );
    upstream.answer = (response) => response.writeHead(200, JSON_HEAD(bytes.length)).end(bytes);
    const answer = await request(model);
    expect(answer.headers.get('content-length')).toBe(String(bytes.length));
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    await until(() => patient.log.some((line) => line['model'] === model && line['input_tokens'] === 77));
  });

  it.each([
    ['is cut', 3 * MIB, 'terminated'],
    ['is a 502 while nothing was sent', MIB / 2, 502],
  ] as const)('%s when its worker breaks off', async (_what, sentBytes, seen) => {
    const model = await modelOn(patient, upstream);
    const calls = upstream.calls;
    upstream.answer = (response) => {
      response.writeHead(200, JSON_HEAD(8 * MIB));
      response.write(`{"data":"${'x'.repeat(sentBytes)}`, () => setTimeout(() => response.destroy(), 200));
    };
    const outcome = await request(model)
      .then(async (answer) => (await answer.arrayBuffer(), answer.status))
      .catch((error: Error) => error.message);
    expect(outcome).toBe(seen);
    expect(upstream.calls).toBe(calls + 1);
    await until(async () => (await inFlight(patient, model)) === 0);
    const failed = () => patient.log.find((line) => line['model'] === model && 'error_type' in line);
    await until(() => failed() !== undefined);
    expect(failed()).toMatchObject({ error_type: 'worker_bad_answer' });
  });
});

const JSON_HEAD = (length: number) => ({ 'content-type': 'application/json', 'content-length': length });
