import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import {
  Agent,
  type AgentInputItem,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  run,
  setTracingDisabled,
  tool,
} from '@openai/agents';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { FakeUpstream } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { stopAll } from './models.js';
import { ANSWERED, CITIES, IN_CITY, startTemplates, startVendor, TEMPLATES, VENDORS } from './vendors.js';

const QUESTION = 'How is the weather?';
const THINKING = { type: 'enabled' as const, budget_tokens: 2000 };

let service: TestService;
let upstreams: readonly FakeUpstream[];
let openai: OpenAI;
let anthropic: Anthropic;
let called: string[] = [];
beforeAll(async () => {
  setTracingDisabled(true);
  service = await startService(SELDOM_PROBED);
  upstreams = await Promise.all([
    ...VENDORS.map((vendor) => startVendor(service, vendor)),
    startTemplates(service),
  ]);
  openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
});
beforeEach(() => {
  called = [];
});
afterAll(() => stopAll(service, ...upstreams.map((upstream) => ({ stop: () => upstream.close() }))));

const weatherIn = (city: string) => {
  called.push(city);
  return `clear in ${city}`;
};
const calls = () => upstreams.reduce((sum, upstream) => sum + upstream.calls, 0);

describe.each([
  ['chats', OpenAIChatCompletionsModel],
  ['responses', OpenAIResponsesModel],
])("An agent of OpenAI's own package that sends %s", (_api, Model) => {
  const weather = tool({
    name: 'get_weather',
    description: 'How the weather is',
    parameters: z.object({ city: z.string() }),
    execute: ({ city }) => weatherIn(city),
  });
  const agentOf = (model: string, tools = [weather]) =>
    new Agent({ name: 'helper', instructions: 'Be brief.', model: new Model(openai, model), tools });
  /** The answer and the whole history, with which the next question can be sent. */
  async function ask(agent: Agent, input: AgentInputItem[], stream: boolean) {
    if (!stream) return run(agent, input);
    const result = await run(agent, input, { stream: true });
    await result.completed;
    return result;
  }

  it.each(VENDORS.flatMap((vendor) => [false, true].map((stream) => ({ vendor, stream }))))(
    'goes through loops of three turns with $vendor (stream: $stream)',
    async ({ vendor, stream }) => {
      let history: AgentInputItem[] = [];
      for (const nth of [1, 2, 3]) {
        const question = { role: 'user' as const, content: `${QUESTION} (${nth})` };
        const result = await ask(agentOf(vendor), [...history, question], stream);
        expect([nth, result.finalOutput, result.rawResponses.length]).toEqual([nth, ANSWERED, 3]);
        history = result.history;
      }
      expect(called).toEqual([...CITIES, ...CITIES, ...CITIES]);
    },
  );

  describe.each([false, true])('(stream: %s)', (stream) => {
    it.each(TEMPLATES)(
      'gets a 400 that names `tools` from %s before any call, since a template has no place for tools',
      async (model) => {
        const before = calls();
        await expect(
          ask(agentOf(model), [{ role: 'user', content: QUESTION }], stream),
        ).rejects.toMatchObject({
          status: 400,
          param: 'tools',
          message: expect.stringMatching(/called by a template.*Leave tools out/) as string,
        });
        expect(calls()).toBe(before);
      },
    );

    it.each(TEMPLATES)('goes through three turns without tools with %s', async (model) => {
      let history: AgentInputItem[] = [];
      for (const nth of [1, 2, 3]) {
        const result = await ask(
          agentOf(model, []),
          [...history, { role: 'user', content: `${QUESTION} (${nth})` }],
          stream,
        );
        expect(result.finalOutput).toBe(`turn ${model === 'template/messages' ? nth : 1}`);
        history = result.history;
      }
    });
  });
});

describe("Anthropic's client", () => {
  const get_weather = betaTool({
    name: 'get_weather',
    description: 'How the weather is',
    inputSchema: IN_CITY,
    run: ({ city }) => weatherIn(String(city)),
  });
  const common = { max_tokens: 4000, thinking: THINKING };
  const ask = (
    model: string,
    messages: Anthropic.MessageParam[],
    stream: boolean,
    tools: Anthropic.Tool[] = [{ name: 'get_weather', input_schema: IN_CITY }],
  ): Promise<Anthropic.Message> => {
    const request = { ...common, model, messages, ...(tools.length === 0 ? {} : { tools }) };
    return stream ? anthropic.messages.stream(request).finalMessage() : anthropic.messages.create(request);
  };

  describe.each([false, true])('(stream: %s)', (stream) => {
    it.each(VENDORS)('thinks through three loops of tools with %s', async (model) => {
      const messages: Anthropic.MessageParam[] = [];
      for (const nth of [1, 2, 3]) {
        messages.push({ role: 'user', content: `${QUESTION} (${nth})` });
        for (const city of CITIES) {
          const { content, stop_reason } = await ask(model, messages, stream);
          const call = content.find((block) => block.type === 'tool_use');
          expect([stop_reason, call?.input]).toEqual(['tool_use', { city }]);
          expect(content.some(({ type }) => type === 'thinking')).toBe(model !== 'openai');
          const result = {
            type: 'tool_result' as const,
            tool_use_id: call?.id ?? '',
            content: weatherIn(city),
          };
          messages.push({ role: 'assistant', content }, { role: 'user', content: [result] });
        }
        const { content } = await ask(model, messages, stream);
        expect(content.at(-1)).toMatchObject({ type: 'text', text: ANSWERED });
        messages.push({ role: 'assistant', content });
      }
    });

    it.each(VENDORS)('runs its tools in a thread with %s, to the end', async (model) => {
      const runner = anthropic.beta.messages.toolRunner({
        ...common,
        model,
        messages: [{ role: 'user', content: QUESTION }],
        tools: [get_weather],
        max_iterations: 5,
        stream,
      });
      const message = await runner.runUntilDone();
      expect(message.content.at(-1)).toMatchObject({ type: 'text', text: ANSWERED });
      expect(called).toEqual(CITIES);
    });

    it.each(TEMPLATES)(
      'gets a 400 that names `tools` from %s before any call, since a template has no place for tools',
      async (model) => {
        const before = calls();
        const messages = [{ role: 'user' as const, content: QUESTION }];
        const refused = {
          status: 400,
          message: expect.stringMatching(/\btools\b.*called by a template/) as string,
        };
        await expect(ask(model, messages, stream)).rejects.toMatchObject(refused);
        const runner = anthropic.beta.messages.toolRunner({
          ...common,
          model,
          messages,
          tools: [get_weather],
          stream,
        });
        await expect(runner.runUntilDone()).rejects.toMatchObject(refused);
        expect(calls()).toBe(before);
      },
    );

    it.each(TEMPLATES)('goes through three turns without tools with %s', async (model) => {
      const messages: Anthropic.MessageParam[] = [];
      for (const nth of [1, 2, 3]) {
        messages.push({ role: 'user', content: `${QUESTION} (${nth})` });
        const { content } = await ask(model, messages, stream, []);
        expect(content).toMatchObject([{ text: `turn ${model === 'template/messages' ? nth : 1}` }]);
        messages.push({ role: 'assistant', content });
      }
    });
  });
});
