import { from, type Rule } from './rule.js';

const CHAT = 'https://platform.openai.com/docs/api-reference/chat/create';
const STRICT = 'https://platform.openai.com/docs/guides/structured-outputs#supported-schemas';
const REASONING = 'https://platform.openai.com/docs/guides/reasoning';
/** "Expected a string with maximum length 40" */
const LONG_IDS = 'https://github.com/vercel/ai/issues/5171';
const LATEST = 'https://platform.openai.com/docs/guides/latest-model';

/** Names of OpenAI's models, also behind a prefix such as `openai/`, and with a date behind. */
const named = (pattern: string): RegExp => new RegExp(`(?:^|/)(?:${pattern})(?![a-z0-9.])`);
const O_SERIES = named('o[134](?:-(?:mini|pro|preview))?');
const GPT_5 = named('gpt-5(?:\\.\\d+)?(?:-(?:mini|nano|pro|codex(?:-max|-mini)?))?');

/** Of these, reasoning is off unless a request sets it. */
const REASONS_AT_WILL = named('gpt-5\\.[1-4](?:-(?:mini|nano))?(?!-(?:pro|codex|chat))');
/** The model of the chat product, which does not reason. */
const GPT_5_CHAT = named('gpt-5-chat');
/** Also gpt-4-32k, gpt-4-turbo, and gpt-35-turbo as Azure names it. */
const BEFORE_4O = named('gpt-3\\.?5-turbo|gpt-4');
const GPT_IMAGE = named('gpt-image-\\d+(?:\\.\\d+)?|chatgpt-image');
/** Fields that change what the model writes, and whose absence no client notices. */
const PENALTIES = ['presence_penalty', 'frequency_penalty', 'logit_bias'] as const;
const NO_LOGPROBS = ['logprobs', 'top_logprobs'] as const;

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
    entries: {
      max_output_tokens: from(most, `https://platform.openai.com/docs/models/${page}`),
      // Wherever they are served: proxies pass the ids on.
      call_ids: from('openai', LONG_IDS),
    },
  })),
  {
    models: BEFORE_4O,
    entries: {
      // The openai package's own helpers send them back.
      message_rejects: from(['parsed', 'refusal'], 'https://github.com/openai/openai-node/issues/1161'),
    },
  },
  {
    models: GPT_IMAGE,
    entries: { image_format: from('b64_json', 'https://github.com/genkit-ai/genkit/issues/6155') },
  },
  {
    models: O_SERIES,
    entries: {
      token_limit: from('max_completion_tokens', CHAT),
      sampling: from('none', REASONING),
      stop: from('none', CHAT),
      rejects: from([...PENALTIES, 'parallel_tool_calls'], REASONING),
      translated_without: from([...NO_LOGPROBS], REASONING),
    },
  },
  {
    models: GPT_5,
    entries: {
      token_limit: from('max_completion_tokens', CHAT),
      sampling: from('none', LATEST),
      stop: from('none', CHAT),
      rejects: from([...PENALTIES], LATEST),
      translated_without: from([...NO_LOGPROBS], LATEST),
    },
  },
  {
    models: REASONS_AT_WILL,
    entries: { sampling: from('without_reasoning', 'https://github.com/vercel/ai/issues/10932') },
  },
  {
    models: GPT_5_CHAT,
    entries: {
      sampling: from('all', 'https://learnku.com/articles/90544'),
      stop: from('any', CHAT),
      rejects: from([], CHAT),
      translated_without: from([], CHAT),
    },
  },
];

/** Whether the server has /v1/responses itself. */
function responses(source: string, value = true): Rule {
  return { entries: { responses: from(value, source) } };
}

/** The reference names no other field for the limit: the newer one is refused, or nothing limits the answer. */
function oldLimit(source: string): Rule {
  return { entries: { token_limit: from('max_tokens', source) } };
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

const BAICHUAN = 'https://f8cxtsvnr8.apifox.cn/api-135483694';

const GROQ = 'https://console.groq.com/docs/openai';
/** "Extra inputs are not permitted", by fields that are not in https://docs.mistral.ai/api/endpoint/chat. */
const MISTRAL_STRICT =
  'https://docs.mistral.ai/resources/release-note/2024-01-11-strict-api-parameter-validation';

/** `_validate_message_order` and `_validate_last_message`. */
const MISTRAL_ORDER =
  'https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/validator.py';

/** By the name of the preset. */
export const OPENAI_VENDOR_RULES: Readonly<Record<string, readonly Rule[]>> = {
  openai: [
    { entries: { call_ids: from('openai', LONG_IDS) } },
    responses('https://platform.openai.com/docs/api-reference/responses'),
    chatsOnly(OPENAI_COMPLETIONS),
    { models: OPENAI_TEXT_MODELS, entries: { completions: from(true, OPENAI_COMPLETIONS) } },
  ],
  'azure-openai': [
    { entries: { call_ids: from('openai', LONG_IDS) } },
    responses('https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses'),
  ],
  groq: [
    responses('https://console.groq.com/docs/responses-api'),
    chatsOnly(GROQ),
    {
      entries: {
        // "will result in a 400 error (yikes)"
        rejects: from(['logprobs', 'logit_bias', 'top_logprobs'], GROQ),
        message_rejects: from(
          ['name', 'reasoning_content', 'thinking_blocks'],
          'https://github.com/tashfeenahmed/freellmapi/issues/1070',
        ),
      },
    },
  ],
  openrouter: [responses('https://openrouter.ai/docs/api-reference/responses-api/overview')],
  vllm: [responses('https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html')],
  // Its /completions is a beta, at another base URL.
  deepseek: [
    chatsOnly('https://api-docs.deepseek.com/api/create-completion'),
    reasoningBack('https://api-docs.deepseek.com/guides/thinking_mode#tool-calls'),
    // It ignores max_completion_tokens.
    oldLimit('https://github.com/earendil-works/pi/issues/8018'),
    responses('https://github.com/farion1231/cc-switch/issues/5210', false),
    // "This response_format type is unavailable now" for json_schema.
    { entries: { answer_schemas: from('json_object', 'https://api-docs.deepseek.com/guides/json_mode') } },
    { entries: { developer_role: from(false, 'https://github.com/earendil-works/pi/issues/1048') } },
  ],
  moonshot: [
    reasoningBack('https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model'),
    responses('https://platform.kimi.ai/docs/intro', false),
  ],
  // It answers at another base URL, of which this one is no part.
  zhipu: [responses('https://docs.bigmodel.cn/api-reference/response/%E5%88%9B%E5%BB%BA-response', false)],
  // Read in a copy of its reference: the original needs a browser.
  baichuan: [
    chatsOnly(BAICHUAN),
    oldLimit('https://docs.cloudsway.net/maasapi/api-reference/text/MaaS_baichuan/'),
    responses(BAICHUAN, false),
  ],
  tgi: [
    // max_completion_tokens has no effect there.
    oldLimit('https://github.com/huggingface/text-generation-inference/issues/2925'),
    responses('https://github.com/huggingface/text-generation-inference/blob/main/docs/openapi.json', false),
  ],
  fastchat: [
    oldLimit('https://github.com/lm-sys/FastChat/blob/main/fastchat/protocol/openai_api_protocol.py'),
    responses('https://github.com/lm-sys/FastChat/blob/main/docs/openai_api.md', false),
  ],
  qwen: [
    { entries: { embedding_batch: from(10, DASHSCOPE_EMBEDDINGS) } },
    { models: /text-embedding-v[12]$/, entries: { embedding_batch: from(25, DASHSCOPE_EMBEDDINGS) } },
  ],
  mistral: [
    {
      entries: {
        token_limit: from('max_tokens', 'https://github.com/editor-code-assistant/eca/issues/231'),
        developer_role: from(false, 'https://docs.mistral.ai/api/endpoint/chat'),
        call_ids: from('mistral', 'https://docs.mistral.ai/api/endpoint/chat'),
        user_after_results: from(false, MISTRAL_ORDER),
        late_instructions: from(false, MISTRAL_ORDER),
        prefill_flag: from(true, MISTRAL_ORDER),
        // It has `random_seed`, and `prompt_cache_key`.
        rejects: from(
          [
            'stream_options',
            'store',
            'user',
            'safety_identifier',
            'seed',
            'service_tier',
            'verbosity',
            'metadata',
            'prompt_cache_options',
            'prompt_cache_retention',
          ],
          MISTRAL_STRICT,
        ),
        message_rejects: from(
          ['name', 'reasoning_content', 'thinking_blocks'],
          'https://github.com/BerriAI/litellm/issues/30835',
        ),
        translated_without: from(['logit_bias'], 'https://docs.mistral.ai/api/endpoint/chat'),
        responses: from(false, 'https://docs.mistral.ai/api/'),
        completions: from(false, 'https://docs.mistral.ai/api/'),
      },
    },
  ],
};
