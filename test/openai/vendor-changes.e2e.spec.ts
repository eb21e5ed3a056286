import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FakeUpstream, json } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { stopAll } from './models.js';
import { ANSWERED, CITIES, IN_CITY, startVendor, type Vendor, VENDORS } from './vendors.js';

const THINKING = { type: 'enabled' as const, budget_tokens: 2000 };
const [QUESTION, MOST] = ['How is the weather?', 4000];

let service: TestService;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => stopAll(service));

/** Sends the chat so far with one more question or the results of tools, and keeps the answer in it. */
type Send = (
  stream: boolean,
  given: { readonly question: string } | { readonly result: string },
) => Promise<Reply>;
interface Reply {
  readonly text: string;
  readonly city: unknown;
}

/** A conversation of each client, which sends back what it got, as its agents do. */
const CLIENTS: Readonly<Record<string, (model: string, thinks: boolean) => Send>> = {
  "OpenAI's client with chats"(model, thinks) {
    const messages: OpenAI.ChatCompletionMessageParam[] = [];
    const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: IN_CITY } }];
    let calls: readonly OpenAI.ChatCompletionMessageToolCall[] = [];
    return async (stream, given) => {
      if ('question' in given) messages.push({ role: 'user', content: given.question });
      else
        for (const { id } of calls) messages.push({ role: 'tool', tool_call_id: id, content: given.result });
      const body = {
        model,
        messages,
        tools,
        max_completion_tokens: MOST,
        ...(thinks ? { thinking: THINKING } : {}),
      };
      const message = stream
        ? await openai.chat.completions.stream(body).finalMessage()
        : (await openai.chat.completions.create(body)).choices[0]?.message;
      if (message === undefined) return expect.unreachable('the answer has no choice');
      messages.push(message);
      calls = message.tool_calls ?? [];
      const [call] = calls;
      return {
        text: message.content ?? '',
        city: call !== undefined && 'function' in call ? cityIn(call.function.arguments) : null,
      };
    };
  },
  "OpenAI's client with responses"(model) {
    const input: OpenAI.Responses.ResponseInput = [];
    const tools = [{ type: 'function' as const, name: 'get_weather', parameters: IN_CITY, strict: false }];
    let calls: readonly { readonly call_id: string; readonly arguments: string }[] = [];
    return async (stream, given) => {
      if ('question' in given) input.push({ role: 'user', content: given.question });
      else
        for (const { call_id } of calls)
          input.push({ type: 'function_call_output', call_id, output: given.result });
      const body = {
        model,
        input,
        tools,
        store: false,
        include: ['reasoning.encrypted_content' as const],
        max_output_tokens: MOST,
      };
      const response = stream
        ? await openai.responses.stream(body).finalResponse()
        : await openai.responses.create({ ...body, stream: false });
      input.push(...(response.output as OpenAI.Responses.ResponseInput));
      calls = response.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
      return { text: response.output_text, city: calls[0] === undefined ? null : cityIn(calls[0].arguments) };
    };
  },
  "Anthropic's client"(model) {
    const messages: Anthropic.MessageParam[] = [];
    const tools = [{ name: 'get_weather', input_schema: IN_CITY }];
    let calls: readonly Anthropic.ToolUseBlock[] = [];
    return async (stream, given) => {
      const results = calls.map(({ id }) => ({
        type: 'tool_result' as const,
        tool_use_id: id,
        content: 'clear',
      }));
      messages.push({ role: 'user', content: 'question' in given ? given.question : results });
      const body = { model, max_tokens: MOST, messages, tools, thinking: THINKING };
      const { content } = stream
        ? await anthropic.messages.stream(body).finalMessage()
        : await anthropic.messages.create(body);
      messages.push({ role: 'assistant', content });
      calls = content.filter((block) => block.type === 'tool_use');
      const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
      return { text, city: (calls[0]?.input as { city: string } | undefined)?.city ?? null };
    };
  },
};

const cityIn = (given: string) => (JSON.parse(given) as { city: string }).city;

/** How the workers of the first vendor are lost. */
const LOSSES: Readonly<Record<string, (upstream: FakeUpstream) => unknown>> = {
  die: (upstream) => upstream.kill(),
  throttle: (upstream) =>
    upstream.behave((response, request) => {
      response.setHeader('retry-after', '60');
      json({ error: { type: 'rate_limit_error', message: 'slow down' } }, 429)(response, request);
    }),
};

let made = 0;
async function twoVendors(from: Vendor, to: Vendor) {
  const [first, second] = [`first-${(made += 1)}`, `second-${made}`];
  const upstreams = [
    await startVendor(service, from, first),
    await startVendor(service, to, second),
  ] as const;
  onTestFinished(async () => {
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  });
  const { ok } = await fetch(`${service.url}/api/v1/models/${first}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ fallbacks: [second] }),
  });
  expect(ok).toBe(true);
  return { model: first, upstreams };
}

const CHANGES: readonly { readonly from: Vendor; readonly to: Vendor }[] = [
  ...VENDORS.flatMap((from) => VENDORS.filter((to) => to !== from).map((to) => ({ from, to }))),
  ...VENDORS.map((from) => ({ from, to: 'mistral' as const })),
];
/** The changes after which each client's conversation is long. */
const LONG = [
  [4, 9],
  [1, 6],
  [1, 8],
];
/** The change is between two turns, or between the call of a tool and its result. */
const casesOf = (nth: number) =>
  CHANGES.map((change, index) => ({
    ...change,
    loss: (index + nth) % 2 === 0 ? 'die' : 'throttle',
    step: (index + nth) % 3,
    turns: LONG[nth]?.includes(index) === true ? 10 : 2,
  }));

describe.each(Object.entries(CLIENTS).map(([client, talk], nth) => ({ client, talk, cases: casesOf(nth) })))(
  'A conversation with $client',
  ({ talk, cases }) => {
    it.each(cases)(
      'of $turns turns goes on at $to when the workers of $from $loss in step $step of a turn',
      async ({ from, to, loss, step, turns }) => {
        const { model, upstreams } = await twoVendors(from, to);
        const [first, second] = upstreams;
        // OpenAI and Mistral refuse fields that they do not know.
        const thinks = from !== 'openai' && to !== 'openai' && to !== 'mistral';
        const send = talk(model, thinks);
        for (let turn = 0; turn < turns; turn++)
          for (let at = 0; at <= CITIES.length; at++) {
            if (turn === turns / 2 && at === step) await LOSSES[loss]?.(first);
            const given = at === 0 ? { question: `${QUESTION} (${turn})` } : { result: 'clear' };
            const reply = await send((turn + at) % 2 === 0, given);
            const city = CITIES[at] ?? null;
            expect([turn, at, reply]).toEqual([turn, at, { text: city === null ? ANSWERED : '', city }]);
          }
        expect(second.calls).toBe((turns / 2) * (CITIES.length + 1) - step);
      },
    );
  },
);

it.each([false, true])(
  'A chat whose arguments were cut within a call goes on at the fallback of another vendor (stream: %s)',
  async (stream) => {
    const { model, upstreams } = await twoVendors('openai', 'anthropic');
    const [first, second] = upstreams;
    await LOSSES['die']?.(first);
    const call = (id: string, given: string) => ({
      id,
      type: 'function' as const,
      function: { name: 'get_weather', arguments: given },
    });
    const body = {
      model,
      tools: [{ type: 'function' as const, function: { name: 'get_weather', parameters: IN_CITY } }],
      messages: [
        { role: 'user' as const, content: QUESTION },
        { role: 'assistant' as const, tool_calls: [call('a', '{"city": "Z'), call('b', '[1]')] },
        { role: 'tool' as const, tool_call_id: 'a', content: 'cut' },
        { role: 'tool' as const, tool_call_id: 'b', content: 'no object' },
        { role: 'user' as const, content: 'never mind' },
      ],
    };
    const message = stream
      ? await openai.chat.completions.stream(body).finalMessage()
      : (await openai.chat.completions.create(body)).choices[0]?.message;
    expect(message?.tool_calls).toHaveLength(1);
    const { messages } = JSON.parse(second.requests.at(-1)?.body ?? '') as {
      messages: { content: { input?: object }[] }[];
    };
    expect(messages[1]?.content.map(({ input }) => input)).toEqual([
      { arguments: '{"city": "Z' },
      { arguments: '[1]' },
    ]);
  },
);
