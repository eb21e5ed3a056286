import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsedOrUndefined } from '../../input/json.js';
import { printJson } from '../../input/exact-json.js';
import { cutJson } from '../../input/json-source.js';
import { profileOf } from '../../registry/profiles/profile.js';
import type { ApiProtocol } from '../../registry/worker.js';
import type { ChatEvent, OpenAiChat } from '../chat/chat.js';
import { eventsOf } from '../chat/tool-calls.js';
import { parseBody } from '../passthrough/raw-request.js';
import { CALL_INPUTS, chatFromAnthropic } from './anthropic/client-request.js';
import { ANTHROPIC_FORMAT } from './anthropic/messages.controller.js';
import { API_ADAPTERS } from './api-adapters.js';
import { ChatFormat } from './openai/client-response.js';

const space = fc.constantFrom('', '', ' ', '\n', '\t');
const number = fc.oneof(
  fc.stringMatching(/^-?(?:0|[1-9]\d{0,25})$/),
  fc.stringMatching(/^-?(?:0|[1-9]\d{0,5})\.\d{1,25}$/),
  fc.stringMatching(/^-?[1-9](?:\.\d{1,3})?[eE][+-]?\d{1,2}$/),
  fc.constantFrom('2512292042121000001', '1.0', '-0', '1E400', '9007199254740993'),
);
const unicode = fc.string({ unit: 'binary', maxLength: 6 });
const quoted = fc.oneof(
  unicode.map((text) => JSON.stringify(text)),
  fc.constantFrom(String.raw`"\u00e9\/"`, String.raw`"\ud83d\ude00"`, String.raw`"\ud800"`, '"😀"'),
);
const key = fc.oneof(unicode, fc.nat({ max: 30 }).map(String)).filter((text) => text !== 'toJSON');

/** The text of a JSON object, with any digits, whitespace, escapes and order of keys. */
const { object: anyArguments } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    number,
    quoted,
    fc.constantFrom('true', 'false', 'null'),
    fc
      .tuple(fc.array(tie('value'), { maxLength: 3 }), space)
      .map(([items, between]) => `[${items.join(`,${between}`)}]`),
    tie('object'),
  ),
  object: fc
    .tuple(fc.uniqueArray(fc.tuple(key, tie('value')), { maxLength: 3, selector: ([name]) => name }), space)
    .map(
      ([members, between]) =>
        `{${between}${members.map(([name, value]) => `${JSON.stringify(name)}:${between}${value}`).join(',')}}`,
    ),
}));

/** Where the arguments of the only call stand; the others have them as text. */
const OBJECTS = {
  anthropic: { request: ['messages', 1, 'content', 0, 'input'], answer: ['content', 0, 'input'] },
  gemini: {
    request: ['contents', 1, 'parts', 0, 'functionCall', 'args'],
    answer: ['candidates', 0, 'content', 'parts', 0, 'functionCall', 'args'],
  },
} as const;
/** The text without whitespace between tokens; how a character is escaped does not matter. */
const compact = (text: string) =>
  cutJson(text, []).replaceAll(/"(?:[^"\\]|\\.)*"/g, (token) => JSON.stringify(JSON.parse(token)));
const PROTOCOLS: readonly ApiProtocol[] = ['openai', 'anthropic', 'gemini'];

/** The chat of a client with one call in its history. */
const CLIENTS: Readonly<Record<string, (text: string) => OpenAiChat>> = {
  openai: (text) =>
    JSON.parse(
      JSON.stringify({
        model: 'm',
        messages: [
          { role: 'user', content: 'Hi' },
          {
            role: 'assistant',
            tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: text } }],
          },
          { role: 'tool', tool_call_id: 'a', content: 'x' },
        ],
      }),
    ) as OpenAiChat,
  anthropic: (text) => {
    const call = `{"type":"tool_use","id":"a","name":"f","input":${text}}`;
    const result = '{"type":"tool_result","tool_use_id":"a","content":"x"}';
    const turns = `{"role":"user","content":"Hi"},{"role":"assistant","content":[${call}]},{"role":"user","content":[${result}]}`;
    const body = Buffer.from(`{"model":"m","max_tokens":9,"messages":[${turns}]}`);
    return chatFromAnthropic(parseBody(body, CALL_INPUTS));
  },
};

function argumentsSent(chat: OpenAiChat, protocol: ApiProtocol): string {
  const { body } = API_ADAPTERS[protocol].request(chat, false, profileOf(protocol, 'm', null));
  const text = printJson(body);
  if (protocol !== 'openai') return cutJson(text, OBJECTS[protocol].request);
  return (JSON.parse(text) as OpenAiChat).messages[1]?.tool_calls?.[0]?.function.arguments ?? '';
}

/** The text of a worker's answer with one call. */
const ANSWERS: Readonly<Record<ApiProtocol, (text: string) => string>> = {
  openai: (text) =>
    JSON.stringify({
      choices: [
        {
          message: { tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: text } }] },
          finish_reason: 'tool_calls',
        },
      ],
    }),
  anthropic: (text) =>
    `{"content": [{"type":"tool_use","id":"a","name":"f","input": ${text}}],"stop_reason":"tool_use"}`,
  gemini: (text) =>
    `{"candidates": [{"content":{"parts":[{"functionCall":{"name":"f","args": ${text}}}]},"finishReason":"STOP"}]}`,
};

/** The events of a worker's stream. Anthropic itself cuts the text anywhere; servers like it send the input whole. */
const STREAMS: Readonly<Record<string, (text: string, at: number) => readonly ChatEvent[]>> = {
  openai: (text, at) => {
    const calls = [text.slice(0, at), text.slice(at)].map((part, index) => [
      { index: 0, ...(index === 0 ? { id: 'a' } : {}), function: { name: 'f', arguments: part } },
    ]);
    return read('openai', [
      ...calls.map((tool_calls) => JSON.stringify({ choices: [{ delta: { tool_calls } }] })),
      '{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}',
      '[DONE]',
    ]);
  },
  anthropic: (text, at) =>
    read('anthropic', [
      '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}',
      ...[text.slice(0, at), text.slice(at)].map((partial_json) =>
        JSON.stringify({
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'input_json_delta', partial_json },
        }),
      ),
      '{"type":"content_block_stop","index":0}',
      '{"type":"message_stop"}',
    ]),
  'anthropic, the input whole': (text) =>
    read('anthropic', [
      `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":${text}}}`,
      '{"type":"content_block_stop","index":0}',
      '{"type":"message_stop"}',
    ]),
  gemini: (text) => read('gemini', [ANSWERS.gemini(text)]),
};

function read(protocol: ApiProtocol, data: readonly string[]): readonly ChatEvent[] {
  const reader = API_ADAPTERS[protocol].reader();
  const events = data.flatMap((each) => reader({ data: each }));
  return [...events, ...(reader.end?.() ?? [])];
}

const HEAD = { id: '1', created: 1, model: 'm' };
const CHAT = new ChatFormat(() => false);
interface Call {
  readonly function: { readonly arguments: string };
}

/** The arguments that a client reads from the events of its stream. */
const READERS: Readonly<Record<string, (events: readonly ChatEvent[]) => string>> = {
  openai: (events) =>
    written(CHAT.stream(HEAD), events)
      .flatMap((body) => (body as { choices: { delta: { tool_calls?: Call[] } }[] }).choices)
      .flatMap(({ delta }) => delta.tool_calls ?? [])
      .map((call) => call.function.arguments)
      .join(''),
  anthropic: (events) =>
    written(ANTHROPIC_FORMAT.stream?.(HEAD), events)
      .map((body) => (body as { delta?: { partial_json?: string } }).delta?.partial_json ?? '')
      .join(''),
};

function written(
  writer: { event(event: ChatEvent): string; end(): string } | undefined,
  events: readonly ChatEvent[],
): readonly unknown[] {
  const text = [...events.map((event) => writer?.event(event) ?? ''), writer?.end() ?? ''].join('');
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .flatMap((line) => parsedOrUndefined(line.slice(6)) ?? []);
}

const property = (holds: (text: string, at: number) => void) =>
  fc.assert(
    fc.property(anyArguments, fc.nat({ max: 20 }), (text, at) => holds(text, at)),
    { numRuns: 200 },
  );

describe('Arguments of a tool call keep their digits, characters and the order of their keys', () => {
  const pairs = Object.keys(CLIENTS).flatMap((client) => PROTOCOLS.map((worker) => ({ client, worker })));

  it.each(pairs)('from a history of a client of $client to a worker of $worker', ({ client, worker }) => {
    property((text) => {
      const sent = argumentsSent(CLIENTS[client]?.(text) as OpenAiChat, worker);
      expect(compact(sent)).toBe(compact(text));
    });
  });

  it.each(pairs)('from a whole answer of $worker to a client of $client', ({ client, worker }) => {
    property((text) => {
      const answer = API_ADAPTERS[worker].answer(ANSWERS[worker](text));
      const body = client === 'openai' ? CHAT.whole(answer, HEAD) : ANTHROPIC_FORMAT.whole(answer, HEAD);
      const received =
        client === 'openai'
          ? (JSON.parse(body) as { choices: { message: { tool_calls: Call[] } }[] }).choices[0]?.message
              .tool_calls[0]?.function.arguments
          : cutJson(body, OBJECTS.anthropic.answer);
      expect(compact(received ?? '')).toBe(compact(text));
      expect(READERS[client]?.(eventsOf(answer))).toBe(answer.toolCalls[0]?.function.arguments);
    });
  });

  const streams = Object.keys(CLIENTS).flatMap((client) =>
    Object.keys(STREAMS).map((worker) => ({ client, worker })),
  );
  it.each(streams)('from a stream of $worker to a client of $client', ({ client, worker }) => {
    property((text, at) => {
      const received = READERS[client]?.(STREAMS[worker]?.(text, at) ?? []) ?? '';
      expect(compact(received)).toBe(compact(text));
    });
  });
});
