import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import { LLMock } from '@copilotkit/aimock';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf, anyAnswer, eventsOf } from '../../../../test/arbitraries/chat-answers.js';
import { providerJson } from '../../../../test/arbitraries/provider-json.js';
import type { ChatAnswer, ChatEvent, OpenAiChat } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { UpstreamError } from '../../../upstream/failure.js';
import { NeutralError } from '../../../upstream/upstream-errors.js';
import { anthropicAnswer, anthropicReader } from './backend-response.js';
import { anthropicError, anthropicErrorEvent } from './anthropic-error.js';
import { AnthropicEventWriter } from './event-writer.js';
import { anthropicMessage } from './message.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import { anthropicRequest } from './backend-request.js';

const HEAD = { id: 'msg_1', model: 'llama3' };

function sseEvents(text: string): readonly EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  createParser({ onEvent: (event) => events.push(event) }).feed(text);
  return events;
}

function read(text: string): readonly ChatEvent[] {
  const reader = anthropicReader();
  return sseEvents(text).flatMap(({ event, data }) => reader({ name: event, data }));
}

function written(answer: ChatAnswer): string {
  const writer = new AnthropicEventWriter(HEAD);
  return (
    eventsOf(answer)
      .map((event) => writer.write(event))
      .join('') + writer.end()
  );
}

/** The format of Anthropic does not distinguish null from empty text, or an unknown count from 0. */
function normal(answer: ChatAnswer): ChatAnswer {
  const { reasoning, ...rest } = answer;
  const text = (answer.text ?? '') === '' && answer.toolCalls.length > 0 ? null : (answer.text ?? '');
  const toolCalls = answer.toolCalls.map((call) => ({
    ...call,
    function: { ...call.function, arguments: JSON.stringify(JSON.parse(call.function.arguments || '{}')) },
  }));
  const thought = (reasoning ?? '') === '' ? {} : { reasoning: reasoning ?? '' };
  return { ...rest, ...thought, text, toolCalls, usage: answer.usage ?? { input: 0, output: 0 } };
}

const belongsTo = (event: ChatEvent) => (event.kind === 'tool_call' ? event.index : event.kind);

/** An answer, and its events with texts and calls interleaved. */
const sideBySide = anyAnswer.chain((answer) => {
  const ends = eventsOf(answer).filter(({ kind }) => kind === 'finish' || kind === 'usage');
  const pieces = eventsOf(answer).filter((event) => !ends.some(({ kind }) => kind === event.kind));
  return fc.shuffledSubarray(pieces.map(belongsTo), { minLength: pieces.length }).map((order) => {
    const left = [...pieces];
    const mixed = order.flatMap((turn) =>
      left.splice(
        left.findIndex((event) => belongsTo(event) === turn),
        1,
      ),
    );
    return { answer, events: [...mixed, ...ends] };
  });
});

/** Errors other than those that a reader may throw. */
const otherThanProtocolErrors = (acts: readonly (() => unknown)[]): readonly unknown[] =>
  acts.flatMap((act) => {
    try {
      act();
      return [];
    } catch (error) {
      return error instanceof ProtocolError ? [] : [error];
    }
  });

describe('An answer in the format of Anthropic', () => {
  it('is read back unchanged, whole and as a stream', () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        const whole = JSON.parse(JSON.stringify(anthropicMessage(answer, HEAD))) as unknown;
        expect(normal(anthropicAnswer(whole))).toEqual(normal(answer));
        expect(normal(answerOf(read(written(answer))))).toEqual(normal(answer));
      }),
      { numRuns: 300 },
    );
  });

  it('streams its blocks one after the other between message_start and message_stop', () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        const events = sseEvents(written(answer)).map(({ event, data }) => {
          const fields = JSON.parse(data) as { type: string; index?: number };
          expect(fields.type).toBe(event);
          return { ...fields, name: event };
        });
        expect(events.map(({ name }) => name).join(' ')).toMatch(
          /^message_start( content_block_start( content_block_delta)+ content_block_stop)* message_delta message_stop$/,
        );
        let block = 0;
        const strays = events.filter(({ name, index }) => {
          const isStray = index !== undefined && index !== block;
          if (name === 'content_block_stop') block++;
          return isStray;
        });
        expect(strays).toEqual([]);
      }),
    );
  });

  it('has every field of the types of the official client but the citations of a text without any', () => {
    const usage = { input: 30, output: 5, cached: 20, reasoning: 2 };
    const whole = anthropicMessage({ text: 'Hi', toolCalls: [], finish: 'stop', usage }, HEAD);
    expect(whole).toEqual({
      ...HEAD,
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'Hi' } as Anthropic.TextBlock],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 10,
        cache_read_input_tokens: 20,
        cache_creation_input_tokens: null,
        cache_creation: null,
        output_tokens: 5,
        output_tokens_details: { thinking_tokens: 2 },
        server_tool_use: null,
        inference_geo: null,
        service_tier: null,
        speed: null,
      },
    } satisfies Anthropic.Message);
  });

  it('throws at the end of a stream that was cut off', () => {
    const writer = new AnthropicEventWriter(HEAD);
    writer.write({ kind: 'text', text: 'Hel' });
    expect(() => writer.end()).toThrow(ProtocolError);
  });

  it('has the same content if the worker interleaves its tool calls', () => {
    fc.assert(
      fc.property(sideBySide, ({ answer, events }) => {
        const writer = new AnthropicEventWriter(HEAD);
        const wire = events.map((event) => writer.write(event)).join('') + writer.end();
        const { toolCalls, ...rest } = normal(answerOf(read(wire)));
        expect({ ...rest, toolCalls: new Set(toolCalls) }).toEqual({
          ...normal(answer),
          toolCalls: new Set(normal(answer).toolCalls),
        });
      }),
      { numRuns: 300 },
    );
  });

  it('writes a tool call as soon as the call before it is complete', () => {
    const writer = new AnthropicEventWriter(HEAD);
    const write = (index: number, text: string, id?: string) =>
      writer.write({
        kind: 'tool_call',
        index,
        ...(id === undefined ? {} : { id, name: 'f' }),
        arguments: text,
      });
    write(0, '{"a":{}', 'a');
    expect(write(1, '{', 'b')).toBe('');
    expect(write(0, '}')).toContain('"id":"b"');
    expect(write(1, '}')).toContain('input_json_delta');
    expect(write(2, '', 'c')).toContain('"id":"c"');
    expect(write(0, ' \n')).toBe('');
    expect(() => write(0, '}')).toThrow(NeutralError);
  });

  it('keeps arguments that are not a JSON object', () => {
    const call = { id: 'a', type: 'function' as const, function: { name: 'f', arguments: '{"city": ' } };
    const answer: ChatAnswer = { text: null, toolCalls: [call], finish: 'length', usage: null };
    expect(anthropicMessage(answer, HEAD)['content']).toEqual([
      { type: 'tool_use', id: 'a', name: 'f', input: { arguments: '{"city": ' } },
    ]);
  });
});

describe('The Anthropic backend response', () => {
  it('throws only ProtocolError for malformed answers', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), providerJson), (body) => {
        expect(otherThanProtocolErrors([() => anthropicAnswer(body)])).toEqual([]);
      }),
      { numRuns: 300 },
    );
    const event = fc.oneof(
      fc.string(),
      fc
        .tuple(
          fc.constantFrom(
            'message_start',
            'content_block_start',
            'content_block_delta',
            'content_block_stop',
            'message_delta',
            'message_stop',
            'error',
          ),
          fc.dictionary(
            fc.constantFrom('message', 'index', 'content_block', 'delta', 'usage', 'error'),
            providerJson,
          ),
        )
        .map(([type, fields]) => JSON.stringify({ ...fields, type })),
      providerJson.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), (events) => {
        const reader = anthropicReader();
        expect(otherThanProtocolErrors(events.map((data) => () => reader({ data })))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  // "Basic streaming request": https://platform.claude.com/docs/en/build-with-claude/streaming
  const HELLO = `event: message_start
data: {"type": "message_start", "message": {"id": "msg_1nZdL29xx5MUA1yADyHTEXnR8uuvGzszyy", "type": "message", "role": "assistant", "content": [], "model": "claude-opus-4-1-20250805", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence":null}, "usage": {"output_tokens": 15}}

`;
  const STOP = 'event: message_stop\ndata: {"type": "message_stop"}\n\n';

  it('reads the streams of the documentation', () => {
    expect(read(HELLO + STOP)).toEqual([
      { kind: 'text', text: 'Hello' },
      { kind: 'text', text: '!' },
      { kind: 'finish', reason: 'stop' },
      { kind: 'usage', usage: { input: 25, output: 15 } },
    ]);
  });

  it('does not finish without message_stop', () => {
    expect(read(HELLO).map(({ kind }) => kind)).toEqual(['text', 'text']);
  });

  // "Streaming request with tool use" and "with extended thinking" of the documentation, shortened.
  it('streams tool calls and thinking', () => {
    const events = [
      { type: 'message_start', message: { usage: { input_tokens: 472, output_tokens: 2 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Let me see' } },
      {
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'signature_delta', signature: 'EqQBCgIYAhIM' },
      },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'content_block_start',
        index: 1,
        content_block: {
          type: 'tool_use',
          id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6',
          name: 'get_weather',
          input: {},
        },
      },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '' } },
      {
        type: 'content_block_delta',
        index: 1,
        delta: { type: 'input_json_delta', partial_json: '{"location":' },
      },
      {
        type: 'content_block_delta',
        index: 1,
        delta: { type: 'input_json_delta', partial_json: ' "San Francisco"}' },
      },
      { type: 'content_block_stop', index: 1 },
      {
        type: 'content_block_start',
        index: 2,
        content_block: { type: 'tool_use', id: 'toolu_2', name: 'now', input: {} },
      },
      { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '' } },
      { type: 'content_block_stop', index: 2 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 89 },
      },
      { type: 'message_stop' },
    ];
    expect(answerOf(read(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')))).toEqual({
      text: null,
      reasoning: 'Let me see',
      toolCalls: [
        {
          id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6',
          type: 'function',
          function: { name: 'get_weather', arguments: '{"location": "San Francisco"}' },
        },
        { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '{}' } },
      ],
      finish: 'tool_calls',
      usage: { input: 472, output: 89 },
    } satisfies ChatAnswer);
  });

  // "Error events" there, and https://platform.claude.com/docs/en/api/errors
  it('throws the message of an error that the worker reports', () => {
    const failed = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    expect(() => read(`event: error\ndata: ${JSON.stringify(failed)}\n\n`)).toThrow(
      expect.objectContaining({ kind: 'overloaded', message: 'Overloaded' }),
    );
    expect(() => anthropicAnswer(failed)).toThrow(
      expect.objectContaining({ kind: 'overloaded', message: 'Overloaded' }),
    );
  });

  it('counts tokens read from and written to the cache as input', () => {
    const usage = {
      input_tokens: 50,
      cache_creation_input_tokens: 248,
      cache_read_input_tokens: 1800,
      output_tokens: 503,
    };
    const { usage: counted } = anthropicAnswer({
      type: 'message',
      content: [],
      stop_reason: 'end_turn',
      usage,
    });
    expect(counted).toEqual({ input: 2098, cached: 1800, output: 503 });
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['constructor', 'stop'],
  ])('translates the stop reason %s to %s', (reason, finish) => {
    expect(anthropicAnswer({ content: [], stop_reason: reason }).finish).toBe(finish);
  });
});

describe('The official Anthropic client', () => {
  let server: Server;
  let play: { status: number; type: string; body: string };
  let client: Anthropic;

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(play.status, { 'content-type': play.type }).end(play.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    client = new Anthropic({ apiKey: 'none', baseURL: `http://127.0.0.1:${port}`, maxRetries: 0 });
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const params = { model: 'llama3', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hi' }] };

  it('reads the same answer from a message and from a stream', async () => {
    await fc.assert(
      fc.asyncProperty(anyAnswer, async (answer) => {
        play = { status: 200, type: 'text/event-stream', body: written(answer) };
        const streamed = await client.messages.stream(params).finalMessage();
        play = {
          status: 200,
          type: 'application/json',
          body: JSON.stringify(anthropicMessage(answer, HEAD)),
        };
        const whole = await client.messages.create(params);
        for (const message of [streamed, whole])
          expect(normal(anthropicAnswer(JSON.parse(JSON.stringify(message))))).toEqual(normal(answer));
      }),
      { numRuns: 60 },
    );
  });

  it('reports an error before and during a stream', async () => {
    play = {
      status: 404,
      type: 'application/json',
      body: JSON.stringify(anthropicError(404, 'No model x', 'req_1')),
    };
    await expect(client.messages.create(params)).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
      apiMessage: 'No model x',
    });
    const writer = new AnthropicEventWriter(HEAD);
    const body =
      'event: ping\ndata: {"type":"ping"}\n\n' +
      writer.write({ kind: 'text', text: 'Hel' }) +
      anthropicErrorEvent(new UpstreamError('broken', 'gone'), 'req_2');
    play = { status: 200, type: 'text/event-stream', body };
    await expect(client.messages.stream(params).finalMessage()).rejects.toMatchObject({
      type: 'api_error',
      apiMessage: 'worker execute error: gone',
    });
  });
});

describe('A simulated Anthropic server', () => {
  const mock = new LLMock({ port: 0, host: '127.0.0.1' });
  beforeAll(async () => {
    mock.onToolResult('toolu_1', { content: 'It is warm.' });
    mock.onMessage('weather', {
      toolCalls: [{ id: 'toolu_1', name: 'get_weather', arguments: '{"city":"Rome"}' }],
    });
    await mock.start();
  });
  afterAll(() => mock.stop());

  const chat: OpenAiChat = {
    model: 'claude-sonnet-4-5',
    messages: [{ role: 'user', content: 'The weather in Rome?' }],
    tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }],
  };

  async function send(request: OpenAiChat): Promise<ChatAnswer> {
    const response = await fetch(`${mock.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'k', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify(anthropicRequest(request, profileOf('anthropic', 'claude-sonnet-4-5', null))),
    });
    const text = await response.text();
    return request.stream === true ? answerOf(read(text)) : anthropicAnswer(JSON.parse(text));
  }

  it.each([false, true])('completes a chat with a tool call (stream: %j)', async (stream) => {
    const called = await send({ ...chat, stream });
    expect(called.finish).toBe('tool_calls');
    expect(called.toolCalls[0]?.function.name).toBe('get_weather');
    expect(JSON.parse(called.toolCalls[0]?.function.arguments ?? '')).toEqual({ city: 'Rome' });
    const answered = await send({
      ...chat,
      stream,
      messages: [
        ...chat.messages,
        { role: 'assistant', content: called.text, tool_calls: called.toolCalls },
        { role: 'tool', tool_call_id: called.toolCalls[0]?.id ?? '', content: '30 degrees' },
      ],
    });
    expect(answered).toMatchObject({ text: 'It is warm.', toolCalls: [], finish: 'stop' });
  });
});
