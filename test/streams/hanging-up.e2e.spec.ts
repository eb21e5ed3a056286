import { once } from 'node:events';
import { Agent, type ClientRequest, request } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { countServiceTimers } from '../service-timers.js';
import { until } from '../until.js';
import { type RawAnswer, inFlight, modelOn, type RawUpstream, startRawUpstream } from './raw-upstream.js';

/** The promise is 100 ms at the median, which a busy machine may exceed. Sooner than a heartbeat, whose write would fail. */
const GENEROUS_MS = 10_000;
const TRIES = 7;

let service: TestService;
let upstream: RawUpstream;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstream = await startRawUpstream((response) => response.end());
});
afterAll(async () => {
  await service.stop();
  await upstream.close();
});

function send(model: string, agent?: Agent): ClientRequest {
  const outgoing = request(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(agent === undefined ? {} : { agent }),
  });
  outgoing.on('error', () => {});
  outgoing.end(JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'hi' }] }));
  return outgoing;
}

/** The times after which the upstream sees each of several disconnects. */
async function delays(model: string, answer: RawAnswer, isStreaming: boolean): Promise<readonly number[]> {
  const seen: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    const gone = new Promise<number>((resolve) => {
      upstream.answer = (response, call) => {
        response.once('close', () => resolve(performance.now()));
        void answer(response, call);
      };
    });
    const { calls } = upstream;
    const outgoing = send(model);
    if (isStreaming) {
      const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
      await once(response, 'data');
    } else await until(() => upstream.calls > calls);
    const hungUpMs = performance.now();
    outgoing.destroy();
    seen.push((await gone) - hungUpMs);
  }
  return seen.toSorted((a, b) => a - b);
}

const streaming: RawAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const timer = setInterval(() => response.write('data: {"t":"."}\n\n'), 5);
  response.write('data: {"t":"."}\n\n');
  response.once('close', () => clearInterval(timer));
};
const begun: RawAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"t":"."}\n\n');
};
const TEMPLATE = { body: { p: '{USER_PROMPT}' }, is_stream: true, stream_extract: { text: 't' } };

describe('a client that disconnects', () => {
  it.each<[string, RawAnswer, boolean]>([
    ['before an answer', () => {}, false],
    ['in the middle of a stream', streaming, true],
    ['while a stream is silent', begun, true],
  ])('ends the upstream call at once: %s', async (what, answer, isStreaming) => {
    for (const more of [{}, TEMPLATE]) {
      const model = await modelOn(service, upstream, more);
      const sorted = await delays(model, answer, isStreaming);
      const median = sorted[TRIES >> 1] ?? Infinity;
      process.stdout.write(
        `hanging up ${what}: the upstream knows after ${median.toFixed(1)} ms (median of ${TRIES})\n`,
      );
      expect(median).toBeLessThan(GENEROUS_MS);
      await until(async () => (await inFlight(service, model)) === 0);
    }
  });

  it.each([{}, TEMPLATE])('lets a worker with on_disconnect: finish send its whole answer', async (more) => {
    const model = await modelOn(service, upstream, { ...more, on_disconnect: 'finish' });
    let written = 0;
    let ended: Promise<unknown> = Promise.resolve();
    upstream.answer = async (response) => {
      ended = once(response, 'finish');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = `data: {"t":"${'x'.repeat(8_000)}"}\n\n`;
      for (; written < 400; written++) {
        if (response.destroyed) return;
        if (!response.write(event)) await once(response, 'drain');
        if (written < 20) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      response.end('data: {"t":"!"}\n\n');
    };
    const outgoing = send(model);
    const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
    await once(response, 'data');
    outgoing.destroy();
    await until(() => written === 400);
    await ended;
    await until(async () => (await inFlight(service, model)) === 0);
    expect(written).toBe(400);
  });

  it('leaves no listener on a connection, no timer and nothing in flight', async () => {
    const model = await modelOn(service, upstream);
    const connections: Socket[] = [];
    const server = service.app.getHttpServer();
    const note = (socket: Socket): void => void connections.push(socket);
    server.on('connection', note);
    onTestFinished(() => void server.off('connection', note));
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());

    upstream.answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"t":"."}\n\ndata: [DONE]\n\n');
    };
    const listeners = (): number => {
      const sockets = [...connections.slice(-1), ...upstream.sockets];
      const all = sockets.flatMap((socket) => socket.eventNames().map((name) => socket.listenerCount(name)));
      return Math.max(...all);
    };
    const askOnce = async (): Promise<void> => {
      const [response] = (await once(send(model, agent), 'response')) as [NodeJS.ReadableStream];
      response.resume();
      await once(response, 'end');
    };
    await askOnce();
    const before = listeners();
    const timers = countServiceTimers();
    for (let i = 0; i < 50; i++) await askOnce();
    expect(connections).toHaveLength(1);
    await until(() => listeners() <= before + 1);

    upstream.answer = streaming;
    for (let i = 0; i < 50; i++) {
      const outgoing = send(model);
      if (i % 2 === 0) await once(outgoing, 'response');
      else await new Promise((resolve) => setTimeout(resolve, i % 7));
      outgoing.destroy();
    }
    await until(async () => (await inFlight(service, model)) === 0);
    expect(timers.everSet()).toBeGreaterThan(50);
    // Loops of the service hold up to 20 of them; one for each request, of either kind, would be 50 or more.
    await until(() => timers.pending() < 30);
    expect(warnings).toEqual([]);
  });
});
