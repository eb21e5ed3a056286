import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { json, text } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { answering, REQUEST, type Claude, failure, MESSAGE, startClaude } from './claude.js';
import { mustRegister } from './models.js';

let claude: Claude;
beforeAll(async () => void (claude = await startClaude()));
beforeEach(() => {
  claude.upstream.last = null;
  claude.upstream.calls = 0;
});
afterAll(() => claude.stop());

describe('A model of which only some workers have the Anthropic API', () => {
  const MCP = { mcp_servers: [{ type: 'url', url: 'https://mcp.example', name: 'x' }] };

  async function mixed() {
    const model = await claude.modelOf({});
    const templated = await upstreamForTest(json({ answer: 'from the template' }));
    await mustRegister(claude.service, {
      model_name: model,
      req_url_template: `${templated.url}/generate`,
      body: { prompt: '{USER_PROMPT}', beta: '{REQUEST_ID}' },
      response_extract: 'answer',
    });
    const openAi = await upstreamForTest((response, request) => {
      const choice = (fields: object) => ({ choices: [{ index: 0, ...fields, finish_reason: 'stop' }] });
      const content = 'from OpenAI';
      if (!request.body.includes('"stream":true'))
        return json(choice({ message: { role: 'assistant', content } }))(response, request);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${JSON.stringify(choice({ delta: { content } }))}\n\ndata: [DONE]\n\n`);
    });
    await mustRegister(claude.service, {
      model_name: model,
      protocol: 'openai',
      req_url_template: `${openAi.url}/v1`,
    });
    await claude.putPolicy(model, { strategy: 'round_robin' });
    return { model, templated, openAi };
  }

  it('answers in one format from all workers', async () => {
    claude.upstream.answer = answering(JSON.stringify(MESSAGE));
    const { model, templated, openAi } = await mixed();
    const texts = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const { content } = await claude.client.messages.create(
        { ...REQUEST, model },
        { headers: { 'anthropic-beta': 'a-beta' } },
      );
      texts.add(content.map((block) => (block.type === 'text' ? block.text : '')).join(''));
    }
    expect(texts).toEqual(new Set(['Sunny.', 'from the template', 'from OpenAI']));
    expect(openAi.requests[0]?.body).toContain('"messages":[{"role":"user","content":"hello"}]');
    for (const { headers } of [...templated.requests, ...openAi.requests]) {
      expect(headers).not.toHaveProperty('anthropic-beta');
      expect(headers).not.toHaveProperty('anthropic-version');
    }
  });

  it('streams in one format from all workers', async () => {
    const events = ['message_start', 'message_delta', 'message_stop'].map(
      (type) => `event: ${type}\ndata: ${JSON.stringify({ type, message: MESSAGE, delta: {} })}\n\n`,
    );
    claude.upstream.answer = (response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events.join(''));
    const { model, templated, openAi } = await mixed();
    for (let i = 0; i < 6; i++) {
      const { status, text: body } = await claude.service.post('/v1/messages', {
        ...REQUEST,
        model,
        stream: true,
      });
      expect([status, body.startsWith('event: message_start\n')]).toEqual([200, true]);
      expect(body).toMatch(/\n\nevent: message_stop\n[^\n]*\n\n$/);
    }
    expect([templated.requests.length, openAi.requests.length, claude.upstream.calls]).toEqual([2, 2, 2]);
  });

  it('sends fields of Anthropic to its anthropic workers', async () => {
    const { model, templated, openAi } = await mixed();
    for (let i = 0; i < 8; i++) {
      claude.upstream.answer = answering('{"input_tokens":5}');
      const { input_tokens } = await claude.client.messages.countTokens({ ...REQUEST, model });
      expect(input_tokens).toBe(5);
      claude.upstream.answer = answering(JSON.stringify(MESSAGE));
      const { status, text: body } = await claude.service.post('/v1/messages', {
        ...REQUEST,
        ...MCP,
        model,
      });
      expect([status, body]).toEqual([200, JSON.stringify(MESSAGE)]);
    }
    expect([templated.requests, openAi.requests]).toEqual([[], []]);
    expect(claude.upstream.calls).toBe(16);
  });

  it('answers 400 to such fields when the anthropic workers are disabled', async () => {
    const { model } = await mixed();
    const list = (await claude.service.get(`/api/v1/workers?model_name=${model}`)).json as {
      data: readonly { id: string; protocol: string }[];
    };
    const id = list.data.find(({ protocol }) => protocol === 'anthropic')?.id;
    expect((await claude.service.post(`/api/v1/workers/${id}/disable`, {})).status).toBe(200);
    const refused = await claude.service.post('/v1/messages', { ...REQUEST, ...MCP, model });
    expect([refused.status, refused.json]).toMatchObject([
      400,
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: expect.stringContaining('mcp_servers') as string },
      },
    ]);
    const error = await failure(claude.client.messages.countTokens({ ...REQUEST, model }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect((error as Error).message).toMatch(/count_tokens.*protocol .*anthropic.*usage/);
  });

  it('uses the remaining workers when one is not reachable', async () => {
    const gone = await upstreamForTest();
    const model = await claude.modelOf({}, gone.url);
    await gone.close();
    const templated = await upstreamForTest(json({ answer: 'from the template' }));
    await mustRegister(claude.service, {
      model_name: model,
      req_url_template: `${templated.url}/generate`,
      body: { prompt: '{USER_PROMPT}' },
      response_extract: 'answer',
    });
    for (let i = 0; i < 4; i++)
      expect(await claude.client.messages.create({ ...REQUEST, model })).toMatchObject({
        model,
        content: [{ type: 'text', text: 'from the template' }],
      });
    // No worker that supports it was reachable: that is the reason.
    const error = await failure(claude.client.messages.countTokens({ ...REQUEST, model }));
    expect(error).toMatchObject({ status: 502, type: 'api_error' });
  });
});

describe('A fallback model', () => {
  it('is called by its own name, passed through or translated', async () => {
    const fallback = await claude.modelOf({ upstream_model: undefined });
    const busy = await upstreamForTest(text('{}', 503));
    const first = await claude.modelOf({}, busy.url);
    await claude.putPolicy(first, { fallbacks: [fallback] });
    claude.upstream.answer = answering(JSON.stringify(MESSAGE));
    for (const path of ['/v1/messages', '/v1/chat/completions']) {
      const { status, headers } = await claude.service.post(path, { ...REQUEST, model: first });
      expect([status, headers.get('x-mmm-model')]).toEqual([200, fallback]);
      expect(claude.seen().json).toMatchObject({ model: fallback });
    }
  });
});
