import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeUpstream, json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll, SUNNY } from './models.js';

const MODEL = 'gemini/thinking';
const SIGNATURE = 'c2lnbmVkIGJ5IEdlbWluaQ==';
/** https://ai.google.dev/gemini-api/docs/thought-signatures#faqs */
const STAND_IN = 'skip_thought_signature_validator';

let service: TestService;
let upstream: FakeUpstream;
let client: OpenAI;
/** The signature of the first call in each request with a tool result. */
let cameBack: unknown[] = [];
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  upstream = await startFakeUpstream((response, { url, body }) =>
    answer(body)(url.includes('alt=sse'), response),
  );
  await mustRegister(service, {
    preset: 'gemini',
    model_name: MODEL,
    upstream_model: 'gemini-3-pro-preview',
    base_url: upstream.url,
    api_key: 'k',
  });
});
beforeEach(() => {
  cameBack = [];
});
afterAll(() => stopAll(service, { stop: () => upstream.close() }));

interface Sent {
  readonly contents: readonly {
    readonly parts: readonly { readonly functionCall?: object; readonly thoughtSignature?: string }[];
  }[];
}

/** As Gemini 3: calls have a signature, and a request without it is rejected. */
function answer(sent: string): (isStream: boolean, response: Parameters<ReturnType<typeof json>>[0]) => void {
  const called = (JSON.parse(sent) as Sent).contents
    .flatMap(({ parts }) => parts)
    .find(({ functionCall }) => functionCall !== undefined);
  if (called !== undefined) cameBack.push(called.thoughtSignature);
  const parts =
    called === undefined
      ? [
          {
            functionCall: { name: 'get_weather', args: { city: 'Paris' } },
            thoughtSignature: SIGNATURE,
          },
        ]
      : [{ text: SUNNY }];
  const status = called !== undefined && called.thoughtSignature === undefined ? 400 : 200;
  const reply =
    status === 400
      ? {
          error: {
            code: 400,
            message: 'Function call is missing a thought_signature',
            status: 'INVALID_ARGUMENT',
          },
        }
      : { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] };
  return (isStream, response) => {
    const type = isStream && status === 200 ? 'text/event-stream' : 'application/json';
    const text = JSON.stringify(reply);
    response.writeHead(status, { 'content-type': type });
    response.end(type === 'text/event-stream' ? `data: ${text}\r\n\r\n` : text);
  };
}

const PARAMETERS = { type: 'object' as const, properties: { city: { type: 'string' as const } } };
const QUESTION = 'How is the weather in Paris?';

describe('Thought signatures of Gemini', () => {
  it.each([false, true])("go through OpenAI's client and back (stream: %s)", async (stream) => {
    const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: PARAMETERS } }];
    const send = async (messages: OpenAI.ChatCompletionMessageParam[]) => {
      const request = { model: MODEL, messages, tools };
      if (stream) return client.chat.completions.stream(request).finalMessage();
      const [choice] = (await client.chat.completions.create(request)).choices;
      if (choice === undefined) throw new Error('the answer has no choice');
      return choice.message;
    };
    const question = { role: 'user' as const, content: QUESTION };
    const first = await send([question]);
    const tool_call_id = first.tool_calls?.[0]?.id ?? '';
    const answered = await send([question, first, { role: 'tool', tool_call_id, content: 'clear' }]);
    expect(answered.content).toBe(SUNNY);
    expect(cameBack).toEqual([SIGNATURE]);
  });

  it.each([false, true])(
    "that OpenAI's client loses while running tools are replaced by a placeholder (stream: %s)",
    async (stream) => {
      const get_weather = {
        name: 'get_weather',
        description: 'How it is',
        parameters: PARAMETERS,
        function: () => 'clear',
      };
      const body = {
        model: MODEL,
        messages: [{ role: 'user' as const, content: QUESTION }],
        tools: [{ type: 'function' as const, function: get_weather }],
      };
      const runner = stream
        ? client.chat.completions.runTools({ ...body, stream: true })
        : client.chat.completions.runTools(body);
      expect(await runner.finalContent()).toBe(SUNNY);
      expect(cameBack).toEqual([STAND_IN]);
    },
  );

  it.each([false, true])("go through Vercel's AI SDK and back (stream: %s)", async (stream) => {
    // The SDK reads them from this field only.
    const provider = createOpenAICompatible({ name: 'google', baseURL: `${service.url}/v1` });
    const get_weather = tool({
      inputSchema: jsonSchema<{ city: string }>(PARAMETERS),
      execute: () => Promise.resolve({ sky: 'clear' }),
    });
    const request = {
      model: provider(MODEL),
      prompt: QUESTION,
      tools: { get_weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    };
    expect(stream ? await streamText(request).text : (await generateText(request)).text).toBe(SUNNY);
    expect(cameBack).toEqual([SIGNATURE]);
  });

  it('that LangChain loses are replaced by a placeholder', async () => {
    const chat = new ChatOpenAI({
      model: MODEL,
      apiKey: 'none',
      configuration: { baseURL: `${service.url}/v1` },
      maxRetries: 0,
    }).bindTools([{ type: 'function', function: { name: 'get_weather', parameters: PARAMETERS } }]);
    const message = await chat.invoke(QUESTION);
    const answered = await chat.invoke([
      ['human', QUESTION],
      message,
      { role: 'tool', content: '{"sky":"clear"}', tool_call_id: message.tool_calls?.[0]?.id ?? '' },
    ]);
    expect(answered.text).toBe(SUNNY);
    expect(cameBack).toEqual([STAND_IN]);
  });

  it('never reach an Anthropic client, whose tool calls still work', async () => {
    const tools = [{ name: 'get_weather', input_schema: PARAMETERS }];
    const user = { role: 'user', content: QUESTION };
    const request = { model: MODEL, max_tokens: 50, tools, messages: [user] };
    const { json: called } = await service.post('/v1/messages', request);
    const { content } = called as { readonly content: readonly { readonly id: string }[] };
    const result = { type: 'tool_result', tool_use_id: content[0]?.id, content: 'clear' };
    const { json: answered } = await service.post('/v1/messages', {
      ...request,
      messages: [user, { role: 'assistant', content }, { role: 'user', content: [result] }],
    });
    expect(answered).toMatchObject({ content: [{ type: 'text', text: SUNNY }] });
    expect(cameBack).toEqual([STAND_IN]);
  });
});
