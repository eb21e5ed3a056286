import { expect, it } from 'vitest';
import { compileStreamExtract, type StreamExtractSpec } from '../../../template/stream-extract.js';
import type { ChatEvent } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { streamDecoder } from '../../streams/stream-decoder.js';
import { templateReader } from './stream.js';

interface KnownStream {
  readonly contentType: string;
  readonly spec: StreamExtractSpec;
  readonly wire: string;
  readonly usage: { readonly input: number; readonly output: number } | null;
  readonly reason?: string;
}

const lines = (separator: string, events: readonly object[]) =>
  events.map((event) => JSON.stringify(event) + separator).join('');
const sse = (prefix: string, events: readonly object[]) =>
  events.map((event) => `${prefix}${JSON.stringify(event)}\n\n`).join('');

/** The streams of these servers, each with the text "Hello, 世界". */
const KNOWN: Readonly<Record<string, KnownStream>> = {
  // https://docs.ollama.com/api/chat
  'Ollama /api/chat': {
    contentType: 'application/x-ndjson',
    spec: {
      text: 'message.content',
      done: { path: 'done', equals: true },
      finish_reason: 'done_reason',
      usage: { input: 'prompt_eval_count', output: 'eval_count' },
    },
    wire: lines('\n', [
      { model: 'llama3.2', message: { role: 'assistant', content: 'Hello' }, done: false },
      { model: 'llama3.2', message: { role: 'assistant', content: ', 世界' }, done: false },
      {
        model: 'llama3.2',
        message: { role: 'assistant', content: '' },
        done_reason: 'stop',
        done: true,
        prompt_eval_count: 26,
        eval_count: 4,
      },
    ]),
    usage: { input: 26, output: 4 },
  },
  // https://huggingface.github.io/text-generation-inference/
  'TGI /generate_stream': {
    contentType: 'text/event-stream',
    spec: { text: 'token.text', finish_reason: 'details.finish_reason' },
    wire: sse('data:', [
      { index: 1, token: { id: 1, text: 'Hello', special: false }, generated_text: null, details: null },
      {
        index: 2,
        token: { id: 2, text: ', 世界', special: false },
        generated_text: 'Hello, 世界',
        details: { finish_reason: 'length', generated_tokens: 2 },
      },
    ]),
    usage: null,
    reason: 'length',
  },
  // https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
  'llama.cpp /completion': {
    contentType: 'text/event-stream',
    spec: {
      text: 'content',
      done: { path: 'stop', equals: true },
      usage: { input: 'tokens_evaluated', output: 'tokens_predicted' },
    },
    wire: sse('data: ', [
      { index: 0, content: 'Hello, ', stop: false },
      { index: 0, content: '世界', stop: false },
      { index: 0, content: '', stop: true, stop_type: 'eos', tokens_evaluated: 5, tokens_predicted: 3 },
    ]),
    usage: { input: 5, output: 3 },
  },
  // https://github.com/lm-sys/FastChat/blob/main/fastchat/serve/model_worker.py: cumulative text, NUL between
  'FastChat /worker_generate_stream': {
    contentType: 'text/plain; charset=utf-8',
    spec: {
      text: 'text',
      delta: false,
      finish_reason: 'finish_reason',
      usage: { input: 'usage.prompt_tokens', output: 'usage.completion_tokens' },
    },
    wire: lines('\0', [
      {
        text: 'Hello',
        error_code: 0,
        usage: { prompt_tokens: 7, completion_tokens: 1 },
        finish_reason: null,
      },
      {
        text: 'Hello, 世\uFFFD',
        error_code: 0,
        usage: { prompt_tokens: 7, completion_tokens: 3 },
        finish_reason: null,
      },
      {
        text: 'Hello, 世界',
        error_code: 0,
        usage: { prompt_tokens: 7, completion_tokens: 4 },
        finish_reason: 'stop',
      },
    ]),
    usage: { input: 7, output: 4 },
  },
  // https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope: cumulative text, "null" until the end
  'DashScope generation': {
    contentType: 'text/event-stream;charset=UTF-8',
    spec: {
      text: 'output.choices[].message.content',
      delta: false,
      finish_reason: 'output.choices[].finish_reason',
      usage: { input: 'usage.input_tokens', output: 'usage.output_tokens' },
    },
    wire: sse('id:1\nevent:result\n:HTTP_STATUS/200\ndata:', [
      {
        output: { choices: [{ message: { content: 'Hello', role: 'assistant' }, finish_reason: 'null' }] },
        usage: { input_tokens: 9, output_tokens: 1 },
      },
      {
        output: {
          choices: [{ message: { content: 'Hello, 世界', role: 'assistant' }, finish_reason: 'stop' }],
        },
        usage: { input_tokens: 9, output_tokens: 4 },
      },
    ]),
    usage: { input: 9, output: 4 },
  },
};

it.each(Object.entries(KNOWN))('reads the stream of %s, byte by byte', (_name, known) => {
  const extract = compileStreamExtract(known.spec);
  const reader = templateReader(extract);
  const events: ChatEvent[] = [];
  const decoder = streamDecoder(
    extract.format,
    { 'content-type': known.contentType },
    (event) => void events.push(...reader(event)),
  );
  for (const byte of Buffer.from(known.wire)) decoder.push(Buffer.of(byte));
  decoder.end();
  events.push(...reader.end());

  const text = events.map((event) => (event.kind === 'text' ? event.text : '')).join('');
  expect(text).toBe('Hello, 世界');
  expect(events.filter(({ kind }) => kind !== 'text')).toEqual([
    { kind: 'finish', reason: known.reason ?? 'stop' },
    ...(known.usage === null ? [] : [{ kind: 'usage', usage: known.usage }]),
  ]);
});

/** Errors of these servers after their headers are sent: no text of them may become part of the answer. */
const FAILING: Readonly<Record<string, Omit<KnownStream, 'usage'>>> = {
  // https://docs.ollama.com/api/errors
  'Ollama /api/generate': {
    contentType: 'application/x-ndjson',
    spec: { text: 'response', done: { path: 'done', equals: true } },
    wire: lines('\n', [
      { model: 'gemma3', response: 'Hello', done: false },
      { error: 'an error was encountered while running the model' },
    ]),
  },
  // [lm-sys/FastChat, fastchat/serve/model_worker.py, generate_stream_gate]
  'FastChat /worker_generate_stream': {
    contentType: 'text/plain; charset=utf-8',
    spec: { text: 'text', delta: false, finish_reason: 'finish_reason' },
    wire: lines('\0', [
      { text: 'Hello', error_code: 0 },
      { text: '**NETWORK ERROR DUE TO HIGH TRAFFIC.**\n\n(CUDA out of memory)', error_code: 50002 },
    ]),
  },
  // [lm-sys/FastChat, fastchat/serve/openai_api_server.py, chat_completion_stream_generator]
  "FastChat, in OpenAI's words": {
    contentType: 'text/event-stream',
    spec: { text: 'choices[].delta.content' },
    wire: `${sse('data: ', [
      { choices: [{ delta: { content: 'Hello' } }] },
      { text: '**NETWORK ERROR DUE TO HIGH TRAFFIC.**', error_code: 50002 },
    ])}data: [DONE]\n\n`,
  },
  // [vllm-project/vllm, vllm/entrypoints/openai/serving_engine.py, create_streaming_error_response]; SGLang and llama.cpp alike
  "vLLM, in OpenAI's words": {
    contentType: 'text/event-stream',
    spec: { text: 'choices[].delta.content', done: { data: '[DONE]' } },
    wire: `${sse('data: ', [
      { choices: [{ delta: { content: 'Hello' } }] },
      { error: { message: 'EngineCore died', type: 'InternalServerError', param: null, code: 500 } },
    ])}data: [DONE]\n\n`,
  },
};

it.each(Object.entries(FAILING))('reads no error of %s as text', (_name, { spec, contentType, wire }) => {
  const extract = compileStreamExtract(spec);
  const reader = templateReader(extract);
  const events: ChatEvent[] = [];
  const decoder = streamDecoder(
    extract.format,
    { 'content-type': contentType },
    (event) => void events.push(...reader(event)),
  );
  expect(() => decoder.push(Buffer.from(wire))).toThrow(ProtocolError);
  expect(events).toEqual([{ kind: 'text', text: 'Hello' }]);
});

it.each([
  ['text/event-stream', null, 1],
  ['Text/Event-Stream; charset=utf-8', null, 1],
  ['application/x-ndjson', null, 0],
  [undefined, null, 0],
  ['application/json', 'sse', 1],
  ['text/event-stream', 'ndjson', 0],
] as const)('chooses the decoder by content type %s and format %s', (contentType, format, isSse) => {
  const seen: string[] = [];
  const decoder = streamDecoder(format, { 'content-type': contentType }, ({ data }) => void seen.push(data));
  decoder.push(Buffer.from('data: {}\n\n'));
  expect(seen).toEqual([isSse === 1 ? '{}' : 'data: {}']);
});
