import { PRESETS } from '../../src/registry/presets/presets.js';
import type { Strictness } from '../fakes/strict-openai.js';
import { profileOf, VENDOR_RULES } from '../../src/registry/profiles/profile.js';
import { type Fields, type Reply, THOUGHT } from './model.js';
import { ANTHROPIC } from './wires/anthropic.js';
import { gemini } from './wires/google.js';
import { CHAT, COMPLETIONS, GROQ, MISTRAL, RESPONSES, strict } from './wires/openai.js';
import { OWN, type Wire } from './wires/wire.js';

/** A kind of worker: how it is registered, and the APIs of its server by the end of their path. */
export interface Row {
  readonly name: string;
  readonly wires: Readonly<Record<string, Wire>>;
  /** The registration of a worker that chats, embeds or makes images; `null`: the API has no such task. */
  worker(url: string, task: Task): Fields | null;
}

export type Task = 'chat' | 'embedding' | 'image';

const OPENAI_WIRES = { '/chat/completions': CHAT, '/completions': COMPLETIONS, '/responses': RESPONSES };

const TEMPLATES: Readonly<Record<Task, (url: string) => Fields>> = {
  chat: (url) => ({
    req_url_template: `${url}/generate`,
    body: { prompt: '{USER_PROMPT}', stream: '{STREAM}' },
    response_extract: 'answer',
    usage_extract: { input: 'in', output: 'out' },
    is_stream: true,
    stream_extract: { text: 'token', done: { path: 'done', equals: true } },
  }),
  embedding: (url) => ({
    req_url_template: `${url}/embed`,
    body: { texts: '{INPUT}' },
    response_extract: 'vectors',
    usage_extract: { input: 'in', output: 'out' },
  }),
  image: (url) => ({
    req_url_template: `${url}/draw`,
    body: { prompt: '{USER_PROMPT}' },
    response_extract: 'url',
  }),
};

function ofProtocol(
  name: string,
  protocol: string,
  models: Readonly<Partial<Record<Task, string>>>,
  wires: Row['wires'],
  base = '/v1',
): Row {
  return {
    name,
    wires,
    worker: (url, task) => {
      const model = models[task];
      if (model === undefined) return null;
      return {
        protocol,
        task,
        req_url_template: url + base,
        upstream_model: model,
      };
    },
  };
}

const OPENAI_MODELS = { chat: 'gpt-4o', embedding: 'text-embedding-3-small', image: 'gpt-image-1' };
const EMBEDS = { embedding: 'gemini-embedding-001' };

/** What the servers of vendors with OpenAI's API refuse, beyond what OpenAI refuses. */
const FAULTS: Readonly<Record<string, Strictness>> = {
  // https://docs.mistral.ai/resources/release-note/2024-01-11-strict-api-parameter-validation
  mistral: {
    limit: 'max_tokens',
    unknown: ['stream_options', 'store', 'user', 'safety_identifier', 'verbosity', 'logit_bias', 'seed'],
    unknownOfMessages: ['name', 'reasoning_content', 'thinking_blocks'],
    ids: /^[a-zA-Z0-9]{9}$/,
    reasoning: 'unknown',
  },
  // https://console.groq.com/docs/openai
  groq: {
    unknown: ['logprobs', 'logit_bias', 'top_logprobs'],
    unknownOfMessages: ['name', 'reasoning_content', 'thinking_blocks'],
  },
  deepseek: { reasoning: 'wanted', answers: 'json_object' },
  moonshot: { reasoning: 'wanted' },
};

/** It thinks before each call: https://api-docs.deepseek.com/guides/thinking_mode */
const THINKING: Wire = {
  ...CHAT,
  whole: (reply) => CHAT.whole(thoughtful(reply)),
  stream: (reply) => CHAT.stream(thoughtful(reply)),
};

function thoughtful(reply: Reply): Reply {
  return { ...reply, reasoning: reply.calls.length > 0 ? THOUGHT : reply.reasoning };
}

const WIRES: Readonly<Record<string, Wire>> = {
  mistral: MISTRAL,
  deepseek: THINKING,
  moonshot: THINKING,
  groq: GROQ,
};

/** https://docs.mistral.ai/api has no such endpoint. */
const LACK_COMPLETIONS: ReadonlySet<string> = new Set(['mistral']);

/** A preset with OpenAI's API and entries of its own. */
function ofPreset(name: string): Row {
  const has = profileOf('openai', 'm', { vendor: name });
  const wire = { ...(WIRES[name] ?? CHAT), fault: strict(FAULTS[name] ?? {}) };
  return {
    name: `\`${name}\``,
    wires: {
      '/chat/completions': wire,
      ...(has.completions && !LACK_COMPLETIONS.has(name) ? { '/completions': COMPLETIONS } : {}),
      ...(has.responses ? { '/responses': RESPONSES } : {}),
    },
    worker: (url, task) =>
      task === 'image' && name !== 'openai'
        ? null
        : {
            preset: name,
            task,
            base_url: url,
            ...(PRESETS[name]?.apiKey === 'none' ? {} : { api_key: 'k' }),
          },
  };
}

const isOpenAi = (name: string): boolean => PRESETS[name]?.protocol === 'openai';

const REASONING: Wire = {
  ...CHAT,
  fault: strict({ limit: 'max_completion_tokens', unknown: ['stop', 'temperature', 'top_p'] }),
};

export const ROWS: readonly Row[] = [
  {
    name: 'template',
    wires: { '/generate': OWN },
    worker: (url, task) => ({ ...TEMPLATES[task](url), task }),
  },
  ofProtocol('openai', 'openai', OPENAI_MODELS, OPENAI_WIRES),
  ofProtocol(
    'openai, `gpt-5`',
    'openai',
    { ...OPENAI_MODELS, chat: 'gpt-5' },
    { ...OPENAI_WIRES, '/chat/completions': REASONING },
  ),
  ofProtocol('anthropic', 'anthropic', { chat: 'claude-sonnet-4-5' }, { '/messages': ANTHROPIC }),
  ofProtocol(
    'gemini, before 3',
    'gemini',
    { chat: 'gemini-2.5-flash', ...EMBEDS },
    { ':': gemini('gemini') },
  ),
  ofProtocol('gemini', 'gemini', { chat: 'gemini-3-flash', ...EMBEDS }, { ':': gemini('gemini') }),
  ofProtocol(
    '`vertex`, before 3',
    'gemini',
    { chat: 'gemini-2.5-flash', ...EMBEDS },
    { ':': gemini('vertex') },
    '/v1/projects/p/locations/l/publishers/google',
  ),
  ofProtocol(
    '`vertex`',
    'gemini',
    { chat: 'gemini-3-flash', ...EMBEDS },
    { ':': gemini('vertex') },
    '/v1/projects/p/locations/l/publishers/google',
  ),
  ...Object.keys(VENDOR_RULES).filter(isOpenAi).toSorted().map(ofPreset),
];
