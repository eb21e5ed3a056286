import { PRESETS } from '../../src/registry/presets/presets.js';
import { profileOf } from '../../src/registry/profiles/profile.js';
import { VENDOR_RULES } from '../../src/registry/profiles/vendor-rules.js';
import { type Fields, fieldsIn, objectsIn, type Reply, textIn, THOUGHT } from './model.js';
import { ANTHROPIC } from './wires/anthropic.js';
import { gemini } from './wires/google.js';
import { CHAT, COMPLETIONS, MISTRAL, RESPONSES } from './wires/openai.js';
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

/** What the servers of vendors with OpenAI's API refuse, beyond it. */
const FAULTS: Readonly<Record<string, (body: Fields) => string | null>> = {
  mistral: (body) => {
    if (body['stream_options'] !== undefined) return 'Extra inputs are not permitted: stream_options';
    const messages = objectsIn(body['messages']);
    if (messages.some((message) => 'reasoning_content' in message))
      return 'Extra inputs are not permitted: reasoning_content';
    const ids = messages.flatMap((message) => objectsIn(message['tool_calls']).map(({ id }) => textIn(id)));
    return ids.every((id) => /^[a-zA-Z0-9]{9}$/.test(id))
      ? null
      : 'Tool call id must be a-z, A-Z, 0-9, with a length of 9.';
  },
  deepseek: (body) => {
    const calls = objectsIn(body['messages']).filter(({ tool_calls }) => tool_calls !== undefined);
    const isThinking = fieldsIn(body['thinking'])['type'] !== 'disabled';
    return isThinking && calls.some((message) => textIn(message['reasoning_content']) === '')
      ? 'Missing `reasoning_content` field in the assistant message'
      : null;
  },
};

/** It thinks before each call: https://api-docs.deepseek.com/guides/thinking_mode */
const DEEPSEEK: Wire = {
  ...CHAT,
  whole: (reply) => CHAT.whole(thoughtful(reply)),
  stream: (reply) => CHAT.stream(thoughtful(reply)),
};

function thoughtful(reply: Reply): Reply {
  return { ...reply, reasoning: reply.calls.length > 0 ? THOUGHT : reply.reasoning };
}

const WIRES: Readonly<Record<string, Wire>> = { mistral: MISTRAL, deepseek: DEEPSEEK };

/** https://docs.mistral.ai/api has no such endpoint. */
const LACK_COMPLETIONS: ReadonlySet<string> = new Set(['mistral']);

/** A preset with OpenAI's API and entries of its own. */
function ofPreset(name: string): Row {
  const has = profileOf('openai', 'm', { vendor: name });
  const wire = { ...(WIRES[name] ?? CHAT), fault: FAULTS[name] ?? (() => null) };
  return {
    name: `\`${name}\``,
    wires: {
      '/chat/completions': wire,
      ...(has.completions && !LACK_COMPLETIONS.has(name) ? { '/completions': COMPLETIONS } : {}),
      ...(has.responses ? { '/responses': RESPONSES } : {}),
    },
    worker: (url, task) =>
      task === 'image'
        ? null
        : {
            preset: name,
            task,
            base_url: url,
            ...(PRESETS[name]?.apiKey === 'none' ? {} : { api_key: 'k' }),
          },
  };
}

const KNOWN = ['openai', 'anthropic', 'gemini', 'vertex'];
const isOpenAi = (name: string): boolean => PRESETS[name]?.protocol === 'openai' && !KNOWN.includes(name);

const REASONING: Wire = {
  ...CHAT,
  fault: (body) => {
    for (const name of ['max_tokens', 'stop', 'temperature', 'top_p'])
      if (body[name] !== undefined)
        return `Unsupported parameter: '${name}' is not supported with this model.`;
    return null;
  },
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
  ...Object.keys(VENDOR_RULES).filter(isOpenAi).toSorted().map(ofPreset),
];
