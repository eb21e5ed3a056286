import { type FakeUpstream, json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { startStrictClaude } from '../fakes/strict-claude.js';
import { type GeminiBody, startStrictGemini } from '../fakes/strict-gemini.js';
import { type OpenAiBody, startStrictOpenAi, type Strictness } from '../fakes/strict-openai.js';
import type { TestService } from '../service.js';
import { mustRegister } from './models.js';

/*
 * One stand-in for each kind of worker, which refuses what its vendor refuses. A turn of each is a loop of tools: it calls the
 * first tool for the first city, then for the second, then it answers. With a schema it answers by the schema.
 */

export const CITIES = ['Paris', 'Oslo'] as const;
export const ANSWERED = 'Sunny.';
export const IN_CITY = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
};
export const SIGNATURE = 'c2lnbmVkIGJ5IEdlbWluaQ==';

/** The kinds of workers that have tools. */
export const VENDORS = ['openai', 'deepseek', 'anthropic', 'gemini'] as const;
/** Mistral's API refuses the most of what other vendors' models leave in a chat. */
export type Vendor = (typeof VENDORS)[number] | 'mistral';
/** Two templates without tools: with a place for all messages, and with one for the prompt alone. */
export const TEMPLATES = ['template/messages', 'template/prompt'] as const;

const GPT_5: Strictness = {
  limit: 'max_completion_tokens',
  mostTokens: 128_000,
  unknown: ['temperature', 'top_p', 'stop', 'thinking', 'reasoning'],
};

const MISTRAL: Strictness = {
  limit: 'max_tokens',
  unknown: ['stream_options', 'user', 'store', 'thinking'],
  ids: /^[a-zA-Z0-9]{9}$/,
  order: 'mistral',
  reasoning: 'unknown',
};

interface StandIn {
  readonly upstream: FakeUpstream;
  readonly registration: Readonly<Record<string, unknown>>;
}

const START: Readonly<Record<Vendor, () => Promise<StandIn>>> = {
  async openai() {
    const { upstream } = await startStrictOpenAi(GPT_5, written);
    return {
      upstream,
      registration: {
        preset: 'openai',
        upstream_model: 'gpt-5',
        base_url: `${upstream.url}/v1`,
        profile: { responses: false },
      },
    };
  },
  async mistral() {
    const { upstream } = await startStrictOpenAi(MISTRAL, written);
    return {
      upstream,
      registration: { preset: 'mistral', upstream_model: 'mistral-small', base_url: `${upstream.url}/v1` },
    };
  },
  async deepseek() {
    const { upstream } = await startStrictOpenAi({ reasoning: 'wanted', answers: 'json_object' }, (body) => ({
      reasoning: 'I look it up.',
      ...written(body),
    }));
    return {
      upstream,
      registration: { preset: 'deepseek', upstream_model: 'deepseek-v4', base_url: `${upstream.url}/v1` },
    };
  },
  async anthropic() {
    const upstream = await startStrictClaude(...CITIES.map((city) => ({ city })));
    return {
      upstream,
      registration: { preset: 'anthropic', upstream_model: 'claude-sonnet-4-5', base_url: upstream.url },
    };
  },
  async gemini() {
    const upstream = await startStrictGemini('gemini', geminiParts);
    return {
      upstream,
      registration: { preset: 'gemini', upstream_model: 'gemini-3-flash-preview', base_url: upstream.url },
    };
  },
};

/** Registers a stand-in as the one worker of a model. */
export async function startVendor(
  service: TestService,
  vendor: Vendor,
  model = vendor as string,
): Promise<FakeUpstream> {
  const { upstream, registration } = await START[vendor]();
  await mustRegister(service, { model_name: model, api_key: 'k', ...registration });
  return upstream;
}

/** Registers TEMPLATES at one server, which answers with the number of turns that it was given. */
export async function startTemplates(service: TestService): Promise<FakeUpstream> {
  const upstream = await startFakeUpstream((response, request) => {
    const { messages = [{ role: 'user' }] } = JSON.parse(request.body) as Partial<OpenAiBody>;
    json({ answer: `turn ${messages.filter(({ role }) => role === 'user').length}` })(response, request);
  });
  for (const [model, body] of [
    ['template/messages', { messages: '{MESSAGES}' }],
    ['template/prompt', { prompt: '{USER_PROMPT}' }],
  ] as const)
    await mustRegister(service, {
      model_name: model,
      req_url_template: `${upstream.url}/generate`,
      body,
      response_extract: 'answer',
    });
  return upstream;
}

function written({ messages, tools, response_format: format }: OpenAiBody) {
  const results = messages.length - 1 - messages.findLastIndex(({ role }) => role === 'user');
  const city = CITIES[results / 2];
  const [tool] = tools ?? [];
  if (tool !== undefined && city !== undefined)
    return { call: { name: tool.function.name, arguments: JSON.stringify({ city }) } };
  const isJson = format?.type === 'json_object' || format?.json_schema !== undefined;
  return { text: isJson ? ['{"city":', '"Paris"}'] : ['Sun', 'ny.'] };
}

function geminiParts({ contents, tools = [], generationConfig = {} }: GeminiBody): readonly object[] {
  const question = contents.findLastIndex(
    ({ role, parts }) => role === 'user' && parts.some(({ text }) => text),
  );
  const city = CITIES[(contents.length - 1 - question) / 2];
  const name = tools[0]?.functionDeclarations[0]?.name;
  const thought = { text: 'I look it up.', thought: true };
  if (name !== undefined && city !== undefined)
    return [thought, { functionCall: { name, args: { city } }, thoughtSignature: SIGNATURE }];
  return generationConfig.responseSchema === undefined
    ? [thought, { text: 'Sun' }, { text: 'ny.', thoughtSignature: SIGNATURE }]
    : [{ text: '{"city":"Paris"}' }];
}
