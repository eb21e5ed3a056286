import { describe, expect, it } from 'vitest';
import { type Exposes, rejectionOf } from './rejection.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const read = (body: unknown, status = 400, exposes: Exposes = 'message', type: object = JSON_TYPE) =>
  rejectionOf(
    status,
    { ...type },
    Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    exposes,
  );

describe('a rejection', () => {
  it.each<[string, unknown]>([
    ["OpenAI's", { error: { message: 'no', type: 'x', param: null, code: null } }],
    ["Anthropic's", { type: 'error', error: { type: 'x', message: 'no' } }],
    ["Gemini's", { error: { code: 400, message: 'no', status: 'INVALID_ARGUMENT' } }],
    ["Gemini's streams'", [{ error: { code: 400, message: 'no' } }]],
    ["TGI's", { error: 'no', error_type: 'validation' }],
    ["FastChat's", { object: 'error', message: 'no', code: 40_303 }],
    ["llama.cpp's", { error: { code: 400, message: 'no', type: 'invalid_request_error' } }],
    ["FastAPI's", { detail: 'no' }],
    ["Cohere's", { message: 'no', id: '1' }],
    ["Baidu's", { error_code: 336_003, error_msg: 'no' }],
    ["DashScope's own", { code: 'InvalidParameter', message: 'no', request_id: '1' }],
    ['problem details', { type: 'about:blank', title: 'no', status: 400 }],
    ["Cloudflare's API", { success: false, errors: [{ code: 7003, message: 'no' }] }],
    ['text', 'no'],
    ['JSON text', '"no"'],
  ])('has the words of an error of the form %s', (_form, body) => {
    expect(read(body).exposed?.message).toBe('no');
  });

  it("names the place of each of FastAPI's faults", () => {
    const detail = [
      { loc: ['body', 'messages', 0], msg: 'is no list', type: 'list_type' },
      { loc: ['body', 'n'], msg: 'is too large', type: 'x' },
    ];
    expect(read({ detail }, 422).exposed?.message).toBe('body.messages.0: is no list; body.n: is too large');
  });

  it.each([
    '',
    '<html><h1>522</h1></html>',
    '<!DOCTYPE html>',
    '{}',
    '[]',
    'null',
    '{"error":{"message":"<html>x"}}',
  ])('has no words in %j', (body) => {
    expect(read(body, 400, 'message', {}).exposed?.message).toBe('');
  });

  it('has no words of a web page, whatever it begins with', () => {
    expect(read('error code: 1015', 429, 'openai', { 'content-type': 'text/html' }).exposed?.message).toBe(
      '',
    );
  });

  it('hides redirects, and what a worker says about our credentials', () => {
    for (const status of [302, 401, 402, 403]) expect(read({ error: 'bad key' }, status).exposed).toBeNull();
  });
});

describe('an error of the client’s own API', () => {
  const openAi = { error: { message: 'no', type: 'x', param: null, code: 'c' } };
  const anthropic = { type: 'error', error: { type: 'x', message: 'no' } };
  it.each<[Exposes, unknown, boolean]>([
    ['openai', openAi, true],
    ['openai', { error: { message: 'no' } }, true],
    ['openai', anthropic, true],
    ['openai', { error: { message: 'no', code: 400 } }, false],
    ['openai', { error: { message: ['no'] } }, false],
    ['openai', { error: 'no' }, false],
    ['openai', { object: 'error', message: 'no' }, false],
    ['openai', { detail: 'no' }, false],
    ['anthropic', anthropic, true],
    ['anthropic', openAi, false],
    ['message', openAi, false],
  ])('stays as it is for %s: %j %s', (exposes, body, isOwn) => {
    expect(read(body, 400, exposes).exposed?.bytes?.toString()).toBe(
      isOwn ? JSON.stringify(body) : undefined,
    );
  });
});

describe('a request that is too long for the model', () => {
  it.each<[string, unknown]>([
    ['OpenAI', { error: { message: 'x', code: 'context_length_exceeded' } }],
    ['vLLM', { object: 'error', message: "This model's maximum context length is 4096 tokens. However, …" }],
    [
      'Anthropic',
      { type: 'error', error: { type: 'x', message: 'prompt is too long: 210000 tokens > 200000 maximum' } },
    ],
    [
      'Anthropic',
      { error: { message: 'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000' } },
    ],
    [
      'Gemini',
      {
        error: {
          message: 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
        },
      },
    ],
    ['llama.cpp', { error: { code: 400, message: 'x', type: 'exceed_context_size_error', n_ctx: 256 } }],
    [
      'llama.cpp',
      { error: { message: 'the request exceeds the available context size, try increasing it' } },
    ],
    [
      'Mistral',
      {
        object: 'error',
        message: 'Prompt contains 40000 tokens, too large for model with 32768 maximum context length',
      },
    ],
    [
      'SGLang',
      { message: "The input (5000 tokens) is longer than the model's context length (4096 tokens)." },
    ],
    ['Ollama', { error: 'the input length exceeds the context length' }],
    ['Moonshot', { error: { message: 'Invalid request: Your request exceeded model token limit: 8192' } }],
    [
      'Qwen',
      { error: { message: 'Range of input length should be [1, 129024]', code: 'invalid_parameter_error' } },
    ],
    ['TGI', { error: 'Input validation error: `inputs` must have less than 1024 tokens. Given: 2000' }],
    [
      'xAI',
      { error: "This model's maximum prompt length is 131072 but the request contains 200000 tokens." },
    ],
    ['Groq', { error: { message: 'Please reduce the length of the messages or completion.' } }],
    ['Bedrock', { message: 'Input is too long for requested model.' }],
    [
      'LM Studio',
      { error: 'The number of tokens to keep from the initial prompt is greater than the context length.' },
    ],
    ['MiniMax', { error: { message: 'invalid params, context window exceeds limit' } }],
    ['GitHub Copilot', { error: { message: 'prompt token count of 130000 exceeds the limit of 128000' } }],
    ['OpenAI', { error: { message: 'Your input exceeds the context window of this model.' } }],
  ])('is known by the words of %s', (_vendor, body) => {
    expect(read(body).exposed?.isTooLong).toBe(true);
  });

  it.each([
    'max_tokens is too large: 64000. This model supports at most 16384 completion tokens',
    'tools[0].function.name: string too long',
    'Too many tokens, please wait before trying again.',
    'messages must not be empty',
  ])('is not known by %j', (message) => {
    expect(read({ error: { message } }).exposed?.isTooLong).toBe(false);
  });
});

describe('a worker that lacks its model', () => {
  it.each<[string, number, unknown]>([
    [
      'vLLM',
      404,
      { object: 'error', type: 'NotFoundError', message: 'The model does not exist.', code: 404 },
    ],
    ['Azure', 404, { error: { code: 'DeploymentNotFound', message: 'x' } }],
    ['Anthropic', 404, { type: 'error', error: { type: 'not_found_error', message: 'model: x' } }],
    ['Mistral', 400, { object: 'error', message: 'Invalid model: x', type: 'invalid_model', code: '1500' }],
    [
      'DeepSeek',
      400,
      { error: { message: 'Model Not Exist', type: 'invalid_request_error', code: 'invalid_request_error' } },
    ],
    ['OpenRouter', 400, { error: { message: 'x/y is not a valid model ID', code: 400 } }],
    ['a retired model', 410, 'gone'],
  ])('is known by what %s answers', (_vendor, status, body) => {
    expect(read(body, status, 'openai').kind).toBe('model_missing');
  });

  it('is not known by other faults of a request', () => {
    expect(read({ error: { message: 'this model does not support tools' } }).kind).toBe('request_rejected');
  });
});
