import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { abortedBy, type Endless, registerEndless } from './endless.js';
import { ANSWER, MODELS, registerModels, RICH_MODELS, stopAll, SUNNY, type Upstreams } from './models.js';

let service: TestService;
let upstreams: Upstreams;
let endless: Endless;
let client: Anthropic;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstreams = await registerModels(service);
  endless = await registerEndless(service);
  client = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => stopAll(service, upstreams, endless));

const requestFor = (model: string, content: string) => ({
  model,
  max_tokens: 100,
  system: 'Be kind.',
  messages: [{ role: 'user' as const, content }],
});

const tools = [
  {
    name: 'get_weather',
    description: 'How the weather is',
    input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

describe.each(MODELS)("Anthropic's client, with a worker that is $kind", ({ model, streams }) => {
  it('creates a message', async () => {
    const message = await client.messages.create(requestFor(model, 'hello'));
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      // The answer of an anthropic worker passes through unchanged.
      model: model === 'org/anthropic' ? 'real-anthropic' : model,
      content: [{ type: 'text', text: ANSWER }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, output_tokens: 5 },
    });
  });

  it('streams a message', async () => {
    const stream = client.messages.stream(requestFor(model, 'hello'));
    const pieces: string[] = [];
    stream.on('text', (text) => pieces.push(text));
    const message = await stream.finalMessage();
    expect(message).toMatchObject({
      content: [{ type: 'text', text: ANSWER }],
      stop_reason: 'end_turn',
      usage: { output_tokens: 5 },
    });
    expect(pieces.length > 1).toBe(streams);
  });
});

describe.each(RICH_MODELS)("Anthropic's client, with a worker that is $kind", ({ model }) => {
  it.each([['whole'], ['streamed']])('completes tool calls, %s', async (how) => {
    const send = (messages: Anthropic.MessageParam[]) => {
      const request = { model, max_tokens: 100, messages, tools };
      return how === 'whole'
        ? client.messages.create(request)
        : client.messages.stream(request).finalMessage();
    };
    const question: Anthropic.MessageParam = { role: 'user', content: 'How is the weather?' };
    const first = await send([question]);
    expect(first.stop_reason).toBe('tool_use');
    const call = first.content.find((block) => block.type === 'tool_use');
    expect(call).toMatchObject({ name: 'get_weather', input: { city: 'Paris' } });
    const answer = await send([
      question,
      { role: 'assistant', content: first.content },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: '{"sky":"clear"}' }],
      },
    ]);
    expect(answer.content).toMatchObject([{ type: 'text', text: SUNNY }]);
  });

  it('gets the reason of a rejected request in the format of Anthropic', async () => {
    const error: unknown = await client.messages
      .create(requestFor(model, 'too much'))
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      error: { type: 'error', error: { message: 'prompt is too long' } },
    });
  });

  it('reports a stream that was cut off', async () => {
    const cut = client.messages.stream(requestFor(model, 'be cut')).finalMessage();
    await expect(cut).rejects.toThrow('worker execute error');
  });

  it('gets the stop reason max_tokens', async () => {
    const message = await client.messages.create(requestFor(model, 'run out'));
    expect(message.stop_reason).toBe('max_tokens');
  });
});

describe("Anthropic's client", () => {
  it('gets errors for an unknown model and invalid input in the format of Anthropic', async () => {
    await expect(client.messages.create(requestFor('unknown', 'hello'))).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
    });
    const worse = { ...requestFor('org/whole', 'hello'), messages: [{ role: 'user', content: 7 }] };
    await expect(client.messages.create(worse as never)).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      message: expect.stringContaining('messages[0].content') as string,
    });
  });

  it('aborts before and during a stream, which ends the upstream call', async () => {
    for (const each of endless.models) {
      const { model, brokenOff } = each;
      const stream = await client.messages.create({ ...requestFor(model, 'go on'), stream: true });
      for await (const { type } of stream) if (type === 'content_block_delta') break;
      await until(() => brokenOff() === 1);
      const silent = requestFor(model, 'say nothing');
      const failure = await abortedBy(each, (signal) => client.messages.create(silent, { signal }));
      expect(failure).toMatch(/abort/i);
      await until(() => brokenOff() === 2);
    }
  });
});
