import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lineEnd, lineText, piecesOf } from '../arbitraries/stream.js';
import { until } from '../until.js';
import { REQUEST, type Claude, MESSAGE, startClaude, USAGE } from './claude.js';

let claude: Claude;
beforeAll(async () => void (claude = await startClaude()));
beforeEach(() => {
  claude.upstream.last = null;
  claude.upstream.calls = 0;
});
afterAll(() => claude.stop());

const sse = (type: string, fields: object = {}) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const delta = (index: number, type: string, fields: object) =>
  sse('content_block_delta', { index, delta: { type, ...fields } });
const START = sse('message_start', {
  message: { ...MESSAGE, content: [], stop_reason: null, usage: { ...USAGE, output_tokens: 1 } },
});
/** The events of the documentation, with some that a client must ignore. */
const STREAM = [
  START,
  sse('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } }),
  sse('ping'),
  delta(0, 'thinking_delta', { thinking: 'Let me ' }),
  delta(0, 'thinking_delta', { thinking: 'see 語' }),
  delta(0, 'signature_delta', { signature: 'EqQBCgIYAhIM' }),
  sse('content_block_stop', { index: 0 }),
  sse('content_block_start', {
    index: 1,
    content_block: { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} },
  }),
  delta(1, 'input_json_delta', { partial_json: '{"city": "P' }),
  delta(1, 'input_json_delta', { partial_json: 'aris"}' }),
  sse('content_block_stop', { index: 1 }),
  ': a comment\r\n\r\n',
  sse('message_delta', {
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 77 },
  }),
];
const END = sse('message_stop');
const ERROR = sse('error');

const streaming =
  (events: readonly string[], then: (response: ServerResponse) => unknown = (response) => response.end()) =>
  (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_up' });
    response.write(events.join(''), () => then(response));
  };
/** Sends the request as a stream, and waits for its line of the log, which is written just after the answer. */
async function send() {
  const id = randomUUID();
  const request = { ...REQUEST, stream: true };
  const answer = await claude.service.post('/v1/messages', request, { 'x-request-id': id });
  const its = () => claude.service.log.find((line) => line['request_id'] === id && line['msg'] === 'request');
  await until(() => its() !== undefined);
  return { ...answer, line: its() };
}
const withoutBeats = (body: string) => body.replaceAll(': still here\n\n', '');

describe('A stream of an anthropic worker', () => {
  it('passes through unchanged and is read by the official client', async () => {
    const whole = [...STREAM, END];
    claude.upstream.answer = streaming(whole);
    const { line, ...raw } = await send();
    expect([raw.status, withoutBeats(raw.text)]).toEqual([200, whole.join('')]);
    expect(Object.fromEntries(raw.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'request-id': 'req_up',
      'x-mmm-attempts': '1',
    });
    expect(line).toMatchObject({ input_tokens: 12 + 1024 + 2048, output_tokens: 77 });
    const message = await claude.client.messages.stream(REQUEST).finalMessage();
    expect(message).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'Let me see 語', signature: 'EqQBCgIYAhIM' },
        { type: 'tool_use', id: 'toolu_1', input: { city: 'Paris' } },
      ],
      stop_reason: 'tool_use',
      usage: { cache_read_input_tokens: 2048, output_tokens: 77 },
    });
  });

  it('gets heartbeats while the upstream is silent', async () => {
    let body = '';
    claude.upstream.answer = streaming(STREAM, async (response) => {
      await until(() => body.includes(': still here\n\n'));
      response.end(END);
    });
    const answer = await fetch(`${claude.service.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...REQUEST, stream: true }),
    });
    const decoder = new TextDecoder();
    for await (const piece of answer.body ?? [])
      body += decoder.decode(piece as Uint8Array, { stream: true });
    expect(withoutBeats(body)).toBe([...STREAM, END].join(''));
  });

  const destroy = (response: ServerResponse): void => void response.socket?.destroy();
  it.each([
    ['dies between events', STREAM.slice(0, 5), destroy],
    ['dies within an event', [...STREAM.slice(0, 5), 'event: content_block_delta\ndata: {"ty'], destroy],
    ['ends before message_stop', STREAM, undefined],
    ['ends within message_stop', [...STREAM, 'event: message_st'], undefined],
    ['ends with nothing', [], undefined],
  ])('that %s ends with an error event, and the client throws', async (_how, events, then) => {
    claude.upstream.answer = streaming([': begun\n\n', ...events], then);
    const { status, text: body, line } = await send();
    expect(status).toBe(200);
    expect(body).toMatch(
      /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"worker execute error: [^\n]*\n\n$/,
    );
    expect(body).not.toContain('message_stop');
    await expect(claude.client.messages.stream(REQUEST).finalMessage()).rejects.toThrow(
      'worker execute error',
    );
    expect(line).toMatchObject({ error_type: 'worker_bad_answer' });
  });

  it('that reports its own error passes through without additions', async () => {
    const overloaded = sse('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
    claude.upstream.answer = streaming([START, overloaded]);
    const { text: body } = await claude.service.post('/v1/messages', { ...REQUEST, stream: true });
    expect(withoutBeats(body)).toBe(START + overloaded);
    await expect(claude.client.messages.stream(REQUEST).finalMessage()).rejects.toThrow('Overloaded');
  });

  it.each([
    ['dies after its end', END, destroy],
    ['leaves out the last line break', END.trimEnd(), undefined],
    ['goes on for a while', `${END}: bye\n\ndata: [DONE]\n\n`, undefined],
    ['names its events in their data only', 'data: {"type": "message_stop"}\n\n', undefined],
    ['ends its lines with CR LF', END.replaceAll('\n', '\r\n'), undefined],
  ])('that %s counts as complete', async (_how, end, then) => {
    claude.upstream.answer = streaming([...STREAM, end], then);
    const { text: body } = await claude.service.post('/v1/messages', { ...REQUEST, stream: true });
    expect(withoutBeats(body)).toBe(STREAM.join('') + end);
  });

  it('is not ended by an end marker in its text', async () => {
    const sly = delta(0, 'text_delta', {
      text: '\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    });
    claude.upstream.answer = streaming([START, sly]);
    const { text: body } = await claude.service.post('/v1/messages', { ...REQUEST, stream: true });
    expect(body).toMatch(/event: error\n[^\n]*\n\n$/);
  });

  it('keeps every byte, however it is split', async () => {
    const event = fc
      .tuple(fc.array(lineText, { minLength: 1, maxLength: 3 }), lineEnd)
      .map(([lines, end]) => [...lines.map((line) => `data: ${line}`), '', ''].join(end));
    const end = fc.constantFrom(END, END.trimEnd(), END.replaceAll('\n', '\r'), ERROR);
    const cut = fc
      .tuple(fc.array(event, { maxLength: 4 }), end)
      // An error as the first event is the answer to the request, not part of a stream.
      .filter(([events, last]) => events.length > 0 || last !== ERROR)
      .chain(([events, last]) => piecesOf(Buffer.from(events.join('') + last)));
    await fc.assert(
      fc.asyncProperty(cut, async (pieces) => {
        claude.upstream.answer = async (response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
          for (const piece of pieces) {
            response.write(piece);
            // Each part in a packet of its own.
            await new Promise(setImmediate);
          }
          response.end();
        };
        const { text } = await claude.service.post('/v1/messages', { ...REQUEST, stream: true });
        const sent = Buffer.concat(pieces).toString();
        // The reader drops a byte order mark at the beginning.
        expect(withoutBeats(text)).toBe(sent.replace(/^\uFEFF/, ''));
      }),
      { numRuns: 60 },
    );
  });

  it('is aborted by its client, which ends the upstream call', async () => {
    let closed = 0;
    claude.upstream.answer = (response) => {
      streaming([START], () => {})(response);
      response.once('close', () => (closed += 1));
    };
    const stream = await claude.client.messages.create({ ...REQUEST, stream: true });
    for await (const { type } of stream) {
      expect(type).toBe('message_start');
      break;
    }
    await until(() => closed === 1);
  });
});
