import { from, type Rule } from './rule.js';

const CHAT = 'https://platform.openai.com/docs/api-reference/chat/create';
const STRICT = 'https://platform.openai.com/docs/guides/structured-outputs#supported-schemas';
const REASONING = 'https://platform.openai.com/docs/guides/reasoning';
const LATEST = 'https://platform.openai.com/docs/guides/latest-model';

/** Names of OpenAI's models, also behind a prefix such as `openai/`, and with a date behind. */
const named = (pattern: string): RegExp => new RegExp(`(?:^|/)(?:${pattern})(?![a-z0-9.])`);
const O_SERIES = named('o[134](?:-(?:mini|pro|preview))?');
const GPT_5 = named('gpt-5(?:\\.\\d+)?(?:-(?:mini|nano|pro|codex(?:-max|-mini)?))?');

/** The largest answer of each family, in tokens. https://platform.openai.com/docs/models */
const OUTPUTS: readonly (readonly [RegExp, number, string])[] = [
  [named('gpt-3\\.5-turbo'), 4_096, 'gpt-3.5-turbo'],
  [named('gpt-4'), 8_192, 'gpt-4'],
  [named('gpt-4-turbo'), 4_096, 'gpt-4-turbo'],
  [named('gpt-4o(?:-mini)?'), 16_384, 'gpt-4o'],
  [named('gpt-4\\.1(?:-(?:mini|nano))?'), 32_768, 'gpt-4.1'],
  [O_SERIES, 100_000, 'o3'],
  [GPT_5, 128_000, 'gpt-5'],
];

/** What holds for OpenAI's API wherever it is served. */
export const OPENAI_RULES: readonly Rule[] = [
  {
    entries: {
      tool_names: from('openai', CHAT),
      most_stops: from(4, CHAT),
      strict_schemas: from('openai', STRICT),
      completions: from(true, 'https://platform.openai.com/docs/api-reference/completions'),
    },
  },
  ...OUTPUTS.map(([models, most, page]) => ({
    models,
    entries: { max_output_tokens: from(most, `https://platform.openai.com/docs/models/${page}`) },
  })),
  {
    models: O_SERIES,
    entries: {
      token_limit: from('max_completion_tokens', CHAT),
      sampling: from('none', REASONING),
      stop: from('none', CHAT),
      translated_without: from(
        [
          'presence_penalty',
          'frequency_penalty',
          'logit_bias',
          'logprobs',
          'top_logprobs',
          'parallel_tool_calls',
        ],
        REASONING,
      ),
    },
  },
  {
    models: GPT_5,
    entries: {
      token_limit: from('max_completion_tokens', CHAT),
      sampling: from('none', LATEST),
      stop: from('none', CHAT),
      translated_without: from(
        ['presence_penalty', 'frequency_penalty', 'logit_bias', 'logprobs', 'top_logprobs'],
        LATEST,
      ),
    },
  },
];

/** The server has /v1/responses itself. */
function responses(source: string): Rule {
  return { entries: { responses: from(true, source) } };
}

/** The server only chats: completions become chats. */
function chatsOnly(source: string): Rule {
  return { entries: { completions: from(false, source) } };
}

const OPENAI_COMPLETIONS = 'https://platform.openai.com/docs/api-reference/completions/create';
/** The models of OpenAI that complete texts; all others answer 404 "This is a chat model". */
const OPENAI_TEXT_MODELS = /^(?:gpt-3\.5-turbo-instruct|babbage-|davinci-)/;

/** The server wants the reasoning between calls of tools back, and refuses the turn without it. */
function reasoningBack(source: string): Rule {
  return { entries: { reasoning_history: from('reasoning_content', source) } };
}

const DASHSCOPE_EMBEDDINGS = 'https://help.aliyun.com/en/model-studio/text-embedding-synchronous-api';

/** By the name of the preset. */
export const OPENAI_VENDOR_RULES: Readonly<Record<string, readonly Rule[]>> = {
  openai: [
    responses('https://platform.openai.com/docs/api-reference/responses'),
    chatsOnly(OPENAI_COMPLETIONS),
    { models: OPENAI_TEXT_MODELS, entries: { completions: from(true, OPENAI_COMPLETIONS) } },
  ],
  'azure-openai': [responses('https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses')],
  groq: [
    responses('https://console.groq.com/docs/responses-api'),
    chatsOnly('https://console.groq.com/docs/openai'),
  ],
  openrouter: [responses('https://openrouter.ai/docs/api-reference/responses-api/overview')],
  vllm: [responses('https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html')],
  // Its /completions is a beta, at another base URL.
  deepseek: [
    chatsOnly('https://api-docs.deepseek.com/api/create-completion'),
    reasoningBack('https://api-docs.deepseek.com/guides/thinking_mode#tool-calls'),
  ],
  moonshot: [reasoningBack('https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model')],
  qwen: [
    { entries: { embedding_batch: from(10, DASHSCOPE_EMBEDDINGS) } },
    { models: /text-embedding-v[12]$/, entries: { embedding_batch: from(25, DASHSCOPE_EMBEDDINGS) } },
  ],
  mistral: [
    {
      entries: {
        call_ids: from('mistral', 'https://docs.mistral.ai/api/endpoint/chat'),
        rejects: from(
          [
            'stream_options',
            'store',
            'user',
            'safety_identifier',
            'prompt_cache_key',
            'service_tier',
            'verbosity',
          ],
          'https://docs.mistral.ai/api/endpoint/chat',
        ),
        translated_without: from(['logit_bias'], 'https://docs.mistral.ai/api/endpoint/chat'),
        responses: from(false, 'https://docs.mistral.ai/api/'),
        completions: from(false, 'https://docs.mistral.ai/api/'),
      },
    },
  ],
};
