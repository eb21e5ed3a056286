import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAILURES, type FailureKind } from '../src/upstream/failure.js';
import { SELDOM_PROBED, startService, type TestService } from './service.js';
import { until } from './until.js';
import { modelOn, type RawAnswer, type RawUpstream, startRawUpstream } from './streams/raw-upstream.js';

/** The ways in which an answer reaches a client. */
type Delivery = 'whole' | 'translated stream' | 'proxied whole' | 'proxied stream';

let service: TestService;
let upstream: RawUpstream;
beforeAll(async () => {
  service = await startService({ ...SELDOM_PROBED, MAX_RESPONSE_BYTES: '100000' });
  upstream = await startRawUpstream(() => {});
});
afterAll(async () => {
  await service.stop();
  await upstream.close();
});

const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const chunk = (delta: object): string => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`;
const anthropic = (event: { readonly type: string }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const START =
  anthropic({ type: 'message_start', message: { usage: {} } } as { type: string }) +
  anthropic({ type: 'content_block_start', index: 0, content_block: { type: 'text' } } as { type: string }) +
  anthropic({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'half' } } as {
    type: string;
  });

/** Sends the first half of a good answer. */
function half(delivery: Delivery, response: ServerResponse): void {
  if (delivery === 'translated stream') response.writeHead(200, SSE).write(START);
  else if (delivery === 'proxied stream') response.writeHead(200, SSE).write(chunk({ content: 'half' }));
  else response.writeHead(200, JSON_TYPE).write('{"content": [{"type": "text", "text": "ha');
}

const status =
  (code: number, headers: Record<string, string> = {}): Misbehaviour =>
  () =>
  (response) =>
    response.writeHead(code, { ...JSON_TYPE, ...headers }).end('{"error":{"message":"no"}}');

type Misbehaviour = (delivery: Delivery) => RawAnswer;
interface Case {
  readonly answer: Misbehaviour;
  readonly timeouts?: object;
  /** All, if left out. */
  readonly only?: readonly Delivery[];
}
const STREAMS = ['translated stream', 'proxied stream'] as const;

/** Every error type that a worker can cause over HTTP, with the answer that causes it. */
const CASES: Partial<Record<FailureKind, Case>> = {
  closed_before_answer: { answer: () => (response) => response.socket?.destroy() },
  first_byte_timeout: { answer: () => () => {}, timeouts: { first_byte_ms: 200 } },
  body_timeout: {
    answer: () => (response) => response.writeHead(200, SSE).flushHeaders(),
    timeouts: { first_byte_ms: 200 },
    only: ['whole', 'proxied whole'],
  },
  idle_timeout: {
    answer: (delivery) => (response) => half(delivery, response),
    timeouts: { idle_ms: 200 },
  },
  total_timeout: {
    answer: (delivery) => (response) => half(delivery, response),
    timeouts: { total_ms: 300 },
  },
  broken: {
    answer: (delivery) => (response) => {
      half(delivery, response);
      setTimeout(() => response.socket?.destroy(), 50);
    },
  },
  bad_answer: {
    answer: (delivery) => (response) => {
      half(delivery, response);
      if (delivery === 'proxied stream') response.end('data: {"error":{"message":"oh no"}}\n\n');
      else response.end('data: {"type":\n\n');
    },
    only: ['whole', ...STREAMS],
  },
  no_answer: {
    answer: () => (response) =>
      response.writeHead(200, JSON_TYPE).end('{"error":{"message":"out of memory"}}'),
    only: ['proxied whole', 'proxied stream'],
  },
  too_large: {
    answer: () => (response) => response.writeHead(200, JSON_TYPE).end(`"${'x'.repeat(200_000)}"`),
    only: ['whole', 'proxied whole'],
  },
  credentials_rejected: { answer: status(401) },
  access_denied: { answer: status(403) },
  throttled: { answer: status(429, { 'retry-after': '1' }) },
  overloaded: { answer: status(503, { 'retry-after': '1' }) },
  internal_error: { answer: status(500) },
  bad_gateway: { answer: status(502) },
  unavailable: { answer: status(503) },
  gateway_timeout: { answer: status(504) },
  other_status: { answer: status(501) },
  request_rejected: { answer: status(422) },
};

async function request(delivery: Delivery, answer: RawAnswer, more: object, signal?: AbortSignal) {
  const proxied = delivery.startsWith('proxied');
  const model = await modelOn(service, upstream, { protocol: proxied ? 'openai' : 'anthropic', ...more });
  upstream.answer = answer;
  const id = randomUUID();
  const messages = [{ role: 'user', content: 'hi' }];
  await fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model, stream: delivery.endsWith('stream'), max_tokens: 9, messages }),
    ...(signal === undefined ? {} : { signal }),
  })
    .then((response) => response.text())
    .catch(() => '');
  const isIts = (line: Readonly<Record<string, unknown>>): boolean =>
    line['request_id'] === id && line['msg'] === 'request';
  await until(() => service.log.some(isIts));
  return service.log.find(isIts);
}

describe.each(['whole', 'translated stream', 'proxied whole', 'proxied stream'] as const)(
  'the log line of an answer delivered as %s',
  (delivery) => {
    const cases = Object.entries(CASES).filter(([, { only }]) => only?.includes(delivery) ?? true);

    it.each(cases)('names the error_type of the table after %s', async (kind, { answer, timeouts }) => {
      const line = await request(delivery, answer(delivery), timeouts === undefined ? {} : { timeouts });
      expect(line?.['error_type']).toBe(FAILURES[kind as FailureKind].errorType);
    });

    it('names caller_gone after the client disconnected', async () => {
      const client = new AbortController();
      const answer: RawAnswer = (response) => {
        half(delivery, response);
        setTimeout(() => client.abort(), 100);
      };
      const line = await request(delivery, answer, {}, client.signal);
      expect(line).toMatchObject({ error_type: FAILURES.aborted.errorType, status: 499 });
    });

    it('names worker_unreachable after a refused connection', async () => {
      const gone = await startRawUpstream(() => {});
      await gone.close();
      const line = await request(delivery, () => {}, { req_url_template: `${gone.url}/v1` });
      expect(line?.['error_type']).toBe(FAILURES.connect.errorType);
    });
  },
);
