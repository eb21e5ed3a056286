import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type FakeUpstream, startFakeUpstream } from '../fakes/fake-upstream.js';
import { claudeWriting, startStrictClaude, strictClaude } from '../fakes/strict-claude.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

const CLAUDE = 'loops/claude';
const OPENAI = 'loops/openai';
const GEMINI = 'loops/gemini';
const SUNNY = 'Sunny.';
const THINKING = { type: 'enabled' as const, budget_tokens: 2000 };
const PARAMETERS = { type: 'object' as const, properties: { city: { type: 'string' as const } } };

let service: TestService;
let claude: FakeUpstream;
let others: FakeUpstream;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  claude = await startStrictClaude();
  others = await startFakeUpstream((response, { url, body }) => {
    const { type, text } = url.toLowerCase().includes('generatecontent')
      ? gemini(url, body)
      : openAiShaped(body);
    response.writeHead(200, { 'content-type': type }).end(text);
  });
  const common = { api_key: 'k', upstream_model: 'claude-sonnet-4-5' };
  await mustRegister(service, { ...common, preset: 'anthropic', model_name: CLAUDE, base_url: claude.url });
  await mustRegister(service, {
    ...common,
    preset: 'openai',
    model_name: OPENAI,
    base_url: `${others.url}/v1`,
  });
  await mustRegister(service, {
    ...common,
    preset: 'gemini',
    model_name: GEMINI,
    upstream_model: 'gemini-2.5-flash',
    base_url: others.url,
  });
  openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
});
beforeEach(() => {
  claude.requests.length = 0;
});
afterAll(() => stopAll(service, { stop: () => claude.close() }, { stop: () => others.close() }));

interface Body {
  readonly stream?: boolean;
  readonly messages?: readonly { readonly role: string }[];
  readonly contents?: readonly { readonly parts: readonly object[] }[];
}

/** As DeepSeek: shows its reasoning. */
function openAiShaped(sent: string) {
  const { stream, messages } = JSON.parse(sent) as Body;
  const called = { name: 'get_weather', arguments: '{"city":"Paris"}' };
  const tool_calls = [{ index: 0, id: `call_${messages?.length}`, type: 'function', function: called }];
  const isAnswered = messages?.at(-1)?.role === 'tool';
  const message = {
    role: 'assistant',
    reasoning_content: 'hm',
    ...(isAnswered ? { content: SUNNY } : { content: null, tool_calls }),
  };
  const finish_reason = isAnswered ? 'stop' : 'tool_calls';
  const object = { id: 'x', created: 1, model: 'm' };
  if (stream !== true)
    return {
      type: 'application/json',
      text: JSON.stringify({ ...object, choices: [{ index: 0, message, finish_reason }] }),
    };
  const choices = [{ index: 0, delta: message, finish_reason }];
  return {
    type: 'text/event-stream',
    text: `data: ${JSON.stringify({ ...object, choices })}\n\ndata: [DONE]\n\n`,
  };
}

function gemini(url: string, sent: string) {
  const { contents } = JSON.parse(sent) as Body;
  const isAnswered = contents?.at(-1)?.parts.some((part) => 'functionResponse' in part);
  const output =
    isAnswered === true
      ? { text: SUNNY }
      : { functionCall: { name: 'get_weather', args: { city: 'Paris' } } };
  const parts = [{ text: 'hm', thought: true }, output];
  const text = JSON.stringify({ candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] });
  return url.includes('alt=sse')
    ? { type: 'text/event-stream', text: `data: ${text}\r\n\r\n` }
    : { type: 'application/json', text };
}

interface Sent {
  readonly thinking?: object;
  readonly messages: readonly {
    readonly role: string;
    readonly content: readonly { readonly type: string }[];
  }[];
}

const sentToClaude = (): readonly Sent[] => claude.requests.map(({ body }) => JSON.parse(body) as Sent);
/** The types of the blocks of the last assistant turn that Claude got. */
const lastTurn = () =>
  sentToClaude()
    .at(-1)
    ?.messages.findLast(({ role }) => role === 'assistant')
    ?.content.map(({ type }) => type);

const QUESTION = { role: 'user' as const, content: 'How is the weather in Paris?' };
const SIGNED = ['thinking', 'redacted_thinking', 'tool_use'];

describe("OpenAI's client with an Anthropic worker that thinks", () => {
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: PARAMETERS } }];
  const send = async (messages: OpenAI.ChatCompletionMessageParam[], stream: boolean, model = CLAUDE) => {
    const request = { model, messages, tools, thinking: THINKING, max_completion_tokens: 4000 };
    if (stream) return openai.chat.completions.stream(request).finalMessage();
    const [choice] = (await openai.chat.completions.create(request)).choices;
    return choice?.message ?? expect.unreachable('the answer has no choice');
  };

  it.each([false, true])('gives the signed blocks back through three turns (stream: %s)', async (stream) => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [];
    for (let turn = 0; turn < 3; turn++) {
      messages.push(QUESTION);
      const called = await send(messages, stream);
      const tool_call_id = called.tool_calls?.[0]?.id ?? '';
      messages.push(called, { role: 'tool', tool_call_id, content: 'clear' });
      const answered = await send(messages, stream);
      expect(answered.content).toBe(SUNNY);
      expect(lastTurn()).toEqual(SIGNED);
      messages.push(answered);
    }
    expect(sentToClaude().every(({ thinking }) => thinking !== undefined)).toBe(true);
  });

  it.each([false, true])('goes on without thinking where it lost the blocks (stream: %s)', async (stream) => {
    const { role, content, tool_calls } = await send([QUESTION], stream);
    const lost = { role, content, ...(tool_calls === undefined ? {} : { tool_calls }) };
    const result = { role: 'tool' as const, tool_call_id: tool_calls?.[0]?.id ?? '', content: 'clear' };
    expect((await send([QUESTION, lost, result], stream)).content).toBe(SUNNY);
    expect(sentToClaude().map(({ thinking }) => thinking)).toEqual([THINKING, undefined]);
  });

  it.each([false, true])('runs its tools to the end (stream: %s)', async (stream) => {
    const get_weather = {
      name: 'get_weather',
      description: 'How it is',
      parameters: PARAMETERS,
      function: () => 'clear',
    };
    const body = {
      model: CLAUDE,
      messages: [QUESTION],
      tools: [{ type: 'function' as const, function: get_weather }],
      thinking: THINKING,
    };
    const runner = stream
      ? openai.chat.completions.runTools({ ...body, stream: true })
      : openai.chat.completions.runTools(body);
    expect(await runner.finalContent()).toBe(SUNNY);
  });

  it.each([false, true])("serves Vercel's AI SDK (stream: %s)", async (stream) => {
    const provider = createOpenAICompatible({ name: 'mmm', baseURL: `${service.url}/v1` });
    const get_weather = tool({
      inputSchema: jsonSchema<{ city: string }>(PARAMETERS),
      execute: () => Promise.resolve({ sky: 'clear' }),
    });
    const request = {
      model: provider(CLAUDE),
      prompt: QUESTION.content,
      tools: { get_weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
      providerOptions: { mmm: { thinking: THINKING } },
    };
    expect(stream ? await streamText(request).text : (await generateText(request)).text).toBe(SUNNY);
    expect(claude.requests).toHaveLength(2);
    expect(sentToClaude()[0]?.thinking).toEqual(THINKING);
  });

  it('serves LangChain', async () => {
    const chat = new ChatOpenAI({
      model: CLAUDE,
      apiKey: 'none',
      configuration: { baseURL: `${service.url}/v1` },
      maxRetries: 0,
      modelKwargs: { thinking: THINKING },
    }).bindTools(tools);
    const message = await chat.invoke(QUESTION.content);
    const answered = await chat.invoke([
      ['human', QUESTION.content],
      message,
      { role: 'tool', content: 'clear', tool_call_id: message.tool_calls?.[0]?.id ?? '' },
    ]);
    expect(answered.text).toBe(SUNNY);
  });
});

describe.each([CLAUDE, OPENAI, GEMINI])("Anthropic's client, thinking, with %s", (model) => {
  const tools = [{ name: 'get_weather', input_schema: PARAMETERS }];
  const send = (messages: Anthropic.MessageParam[], stream: boolean, of = model) => {
    const request = { model: of, max_tokens: 4000, messages, tools, thinking: THINKING };
    return stream ? anthropic.messages.stream(request).finalMessage() : anthropic.messages.create(request);
  };
  const resultOf = ({ content }: Anthropic.Message): Anthropic.MessageParam => {
    const call = content.find((block) => block.type === 'tool_use');
    return {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: 'clear' }],
    };
  };

  it.each([false, true])(
    'completes its loop of tools, and goes on with Claude (stream: %s)',
    async (stream) => {
      const messages: Anthropic.MessageParam[] = [QUESTION];
      const called = await send(messages, stream);
      expect(called.content[0]).toMatchObject({ type: 'thinking' });
      messages.push({ role: 'assistant', content: called.content }, resultOf(called));
      // In the middle of the loop, whichever model made the thinking.
      const answered = await send(messages, stream, CLAUDE);
      expect(answered.content.at(-1)).toMatchObject({ type: 'text', text: SUNNY });
      expect(lastTurn()).toEqual(model === CLAUDE ? SIGNED : ['tool_use']);
      messages.push({ role: 'assistant', content: answered.content }, { role: 'user', content: 'And?' });
      expect((await send(messages, stream, CLAUDE)).stop_reason).toBe('tool_use');
    },
  );

  it('runs its tools to the end', async () => {
    const get_weather = betaTool({
      name: 'get_weather',
      description: 'How it is',
      inputSchema: PARAMETERS,
      run: () => 'clear',
    });
    const body = { model, max_tokens: 4000, messages: [QUESTION], tools: [get_weather], thinking: THINKING };
    const message = await anthropic.beta.messages.toolRunner({ ...body, max_iterations: 5 });
    expect(message.content.at(-1)).toMatchObject({ type: 'text', text: SUNNY });
  });
});

describe('A thread of messages', () => {
  it.each([OPENAI, GEMINI])('that goes on is not found at %s, before any call', async (model) => {
    const calls = others.calls;
    const thread = { type: 'continue', previous_message_id: 'msg_1' };
    const { status, json } = await service.post('/v1/messages', {
      model,
      max_tokens: 9,
      thread,
      messages: [QUESTION],
    });
    expect([status, others.calls]).toEqual([404, calls]);
    expect(json).toMatchObject({
      error: { type: 'not_found_error', details: { error_code: 'thread_not_found' } },
    });
  });
});

describe('A client of responses that keeps the whole chat', () => {
  const tools = [{ type: 'function', name: 'get_weather', parameters: PARAMETERS, strict: false }] as const;
  const question = { role: 'user', content: 'weather in Paris?' } as const;

  async function ask(stream: boolean, input: OpenAI.Responses.ResponseInput, keeps = true) {
    const include = keeps ? { include: ['reasoning.encrypted_content' as const] } : {};
    const body = { model: CLAUDE, input, tools: [...tools], store: false, thinking: THINKING, ...include };
    return stream
      ? openai.responses.stream(body).finalResponse()
      : openai.responses.create({ ...body, stream: false });
  }

  it.each([false, true])('sends the signed thinking back through a loop (stream: %s)', async (stream) => {
    const first = await ask(stream, [question]);
    const [reasoning] = first.output;
    expect(reasoning).toMatchObject({ type: 'reasoning', encrypted_content: expect.any(String) as string });
    const [call] = first.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
    const second = await ask(stream, [
      question,
      ...(first.output as OpenAI.Responses.ResponseInput),
      { type: 'function_call_output', call_id: call?.call_id ?? '', output: 'sunny' },
    ]);
    expect(second.output_text).toBe(SUNNY);
    const sent = JSON.parse(claude.requests.at(-1)?.body ?? '') as {
      readonly thinking: object;
      readonly messages: readonly { readonly content: readonly { readonly type: string }[] }[];
    };
    expect(sent.thinking).toEqual(THINKING);
    expect(sent.messages[1]?.content.map(({ type }) => type)).toEqual([
      'thinking',
      'redacted_thinking',
      'tool_use',
    ]);
  });

  it('that keeps none gets none, and is answered without thinking in that turn', async () => {
    const first = await ask(true, [question], false);
    expect(JSON.stringify(first)).not.toContain('encrypted_content');
    const [call] = first.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
    const second = await ask(true, [
      question,
      ...(first.output as OpenAI.Responses.ResponseInput),
      { type: 'function_call_output', call_id: call?.call_id ?? '', output: 'sunny' },
    ]);
    expect(second.output_text).toBe(SUNNY);
  });
});

describe('A chat of an OpenAI client with Claude', () => {
  const modelAt = async (name: string, behaviour: Parameters<typeof startFakeUpstream>[0]) => {
    const upstream = await startFakeUpstream(behaviour);
    onTestFinished(() => upstream.close());
    const worker = {
      preset: 'anthropic',
      api_key: 'k',
      upstream_model: 'claude-sonnet-4-5',
      base_url: upstream.url,
    };
    await mustRegister(service, { ...worker, model_name: name });
    return upstream;
  };
  const answered = async (stream: boolean, body: OpenAI.ChatCompletionCreateParamsNonStreaming) =>
    stream
      ? openai.chat.completions.stream(body as never).finalMessage()
      : (await openai.chat.completions.create(body)).choices[0]?.message;

  it.each([false, true])(
    'ends at stops of white space, also where two chunks hold one (stream: %s)',
    async (stream) => {
      const model = `loops/stops-${stream}`;
      const upstream = await modelAt(model, claudeWriting('One\n\nTwo END'));
      const messages = [{ role: 'user' as const, content: 'hi' }];
      const message = await answered(stream, { model, messages, stop: ['\n\n', 'END'] });
      expect(message?.content).toBe('One');
      expect(JSON.parse(upstream.requests.at(-1)?.body ?? '')).toMatchObject({ stop_sequences: ['END'] });
    },
  );

  it.each([false, true])(
    'calls tools by the names of their parameters that the client gave (stream: %s)',
    async (stream) => {
      const names = ['$filter', 'größe', 'user name', 'user_name', 'x'.repeat(70)];
      const model = `loops/parameters-${stream}`;
      const upstream = await modelAt(model, (response, request) => {
        const { tools } = JSON.parse(request.body) as { tools: { input_schema: { properties: object } }[] };
        const sent = Object.keys(tools[0]?.input_schema.properties ?? {});
        strictClaude(Object.fromEntries(sent.map((name, at) => [name, at])))(response, request);
      });
      const parameters = {
        type: 'object',
        properties: Object.fromEntries(names.map((name) => [name, { type: 'integer' }])),
        required: names,
      };
      const tools = [{ type: 'function' as const, function: { name: 'query', parameters } }];
      const question = { role: 'user' as const, content: 'hi' };
      const called = await answered(stream, { model, tools, messages: [question] });
      const [call] = called?.tool_calls ?? [];
      const given = call !== undefined && 'function' in call ? call.function.arguments : '';
      const wanted = Object.fromEntries(names.map((name, at) => [name, at]));
      expect(JSON.parse(given)).toEqual(wanted);
      const result = { role: 'tool' as const, tool_call_id: call?.id ?? '', content: 'done' };
      const last = await answered(stream, { model, tools, messages: [question, called as never, result] });
      expect(last?.content).toBe(SUNNY);
      const { messages, tools: sent } = JSON.parse(upstream.requests.at(-1)?.body ?? '') as {
        messages: { content: { input?: object }[] }[];
        tools: { input_schema: { required: string[] } }[];
      };
      // The history has the names that the tools have.
      expect(Object.keys(messages[1]?.content[0]?.input ?? {})).toEqual(sent[0]?.input_schema.required);
    },
  );
});
