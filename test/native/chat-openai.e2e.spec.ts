import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, text } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

const PATH = '/api/v1/chat/completions';

async function registered(more: Readonly<Record<string, unknown>> = {}) {
  const upstream = await upstreamForTest(json({ answer: 'Hello "you"' }));
  const worker = aWorker(upstream, more);
  await service.register(worker);
  return { upstream, model: worker.model_name };
}

/** The data of SSE events, `[DONE]` included. */
function eventsOf(answer: string): readonly unknown[] {
  return answer
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''))
    .map((data) => (data === '[DONE]' ? data : (JSON.parse(data) as unknown)));
}

describe('An OpenAI chat at the native path', () => {
  it('is answered in the OpenAI format', async () => {
    const { model } = await registered();
    const messages = [{ role: 'user', content: 'hi' }];
    const { status, json: body } = await service.post(PATH, { model, messages });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.stringMatching(/^chatcmpl-/) as unknown,
      object: 'chat.completion',
      created: expect.any(Number) as unknown,
      model,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello "you"', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
    });
  });

  it('accepts either name of the model and null for fields that are not set', async () => {
    const { model } = await registered();
    const messages = [{ role: 'user', content: 'hi' }];
    for (const body of [
      { model_name: model, messages },
      { model, messages, input: null, temperature: null, max_tokens: null, stream: null },
    ])
      expect((await service.post(PATH, body)).json).toMatchObject({ object: 'chat.completion', model });
  });

  it('becomes a transcript, or history and system prompt if the template has these placeholders', async () => {
    const messages = [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: [{ type: 'text', text: 'three' }] },
    ];
    const plain = await registered();
    await service.post(PATH, { model: plain.model, messages });
    expect(JSON.parse(plain.upstream.requests[0]?.body ?? '')).toEqual({
      prompt: 'system: be brief\nuser: one\nassistant: two\nuser: three',
    });
    const placed = await registered({
      body: { prompt: '{USER_PROMPT}', history: '{HISTORY}', system: '{SYSTEM_PROMPT}', all: '{MESSAGES}' },
    });
    await service.post(PATH, { model: placed.model, messages });
    expect(JSON.parse(placed.upstream.requests[0]?.body ?? '')).toEqual({
      prompt: 'three',
      history: [['one', 'two']],
      system: 'be brief',
      all: messages,
    });
  });

  it('is rejected in the error format of OpenAI', async () => {
    const { model, upstream } = await registered();
    const messages = [{ role: 'user', content: 'hi' }];
    const unknown = await service.post(PATH, { model: 'unknown', messages });
    expect([unknown.status, unknown.json]).toEqual([
      404,
      {
        error: {
          message: 'The request model(unknown) not exist in llm worker manager',
          type: 'invalid_request_error',
          param: null,
          code: 'model_not_found',
        },
      },
    ]);
    const bad = await service.post(PATH, { model, messages, temperature: 3 });
    expect(bad.status).toBe(400);
    expect(bad.json).toMatchObject({ error: { type: 'invalid_request_error', param: 'temperature' } });
    upstream.behave(text('no', 500));
    const failed = await service.post(PATH, { model, messages });
    expect(failed.status).toBe(502);
    expect(failed.json).toMatchObject({
      error: { type: 'api_error', message: 'worker execute error: the upstream answered 500' },
    });
  });

  it('is rejected if it contains input as well', async () => {
    const { model } = await registered();
    const answer = await service.post(PATH, {
      model_name: model,
      input: 'x',
      messages: [{ role: 'user', content: 'hi' }],
    });
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ success: false, details: [{ field: 'input' }] });
  });
});

describe('A native chat with stream: true', () => {
  it.each([
    ['input', { input: 'hi' }],
    ['messages', { messages: [{ role: 'user', content: 'hi' }] }],
  ])('answers %s in OpenAI chunks that end with [DONE]', async (_, chat) => {
    const { model } = await registered();
    const {
      status,
      headers,
      text: body,
    } = await service.post(PATH, { model_name: model, stream: true, ...chat });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-cache, no-transform');
    expect(headers.get('x-accel-buffering')).toBe('no');
    const events = eventsOf(body);
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -1) as {
      object: string;
      model: string;
      choices: { delta: { role?: string; content?: string }; finish_reason: string | null }[];
    }[];
    expect(new Set(chunks.map(({ object, model: of }) => `${object} ${of}`))).toEqual(
      new Set([`chat.completion.chunk ${model}`]),
    );
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('Hello "you"');
    expect(choices[0]?.delta.role).toBe('assistant');
    expect(choices.at(-1)?.finish_reason).toBe('stop');
  });

  it('answers an error as JSON, not as a stream', async () => {
    const answer = await service.post(PATH, { model_name: 'unknown', input: 'x', stream: true });
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ success: false });
  });
});
