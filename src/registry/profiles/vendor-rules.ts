import type { ApiProtocol } from '../worker.js';
import { ANTHROPIC_RULES } from './claude-rules.js';
import { GEMINI_RULES, VERTEX_RULES } from './google-rules.js';
import { from, type Rule } from './rule.js';

const OPENAI_CHAT = 'https://platform.openai.com/docs/api-reference/chat/create';

/** Reasoning models of OpenAI, also behind a prefix such as `openai/`. */
const OPENAI_REASONING = /(?:^|\/)(?:gpt-5|o[134])(?![a-z0-9])/;

/** What holds for an API wherever it is served. */
export const PROTOCOL_RULES: Readonly<Record<ApiProtocol, readonly Rule[]>> = {
  openai: [
    {
      entries: {
        tool_names: from('openai', OPENAI_CHAT),
        completions: from(true, 'https://platform.openai.com/docs/api-reference/completions'),
      },
    },
    { models: OPENAI_REASONING, entries: { token_limit: from('max_completion_tokens', OPENAI_CHAT) } },
  ],
  anthropic: ANTHROPIC_RULES,
  gemini: GEMINI_RULES,
};

/** The server has /v1/responses itself. */
function responses(source: string): Rule {
  return { entries: { responses: from(true, source) } };
}

const DASHSCOPE_EMBEDDINGS = 'https://help.aliyun.com/en/model-studio/text-embedding-synchronous-api';

/** The server only chats: completions become chats. */
function chatsOnly(source: string): Rule {
  return { entries: { completions: from(false, source) } };
}

const OPENAI_COMPLETIONS = 'https://platform.openai.com/docs/api-reference/completions/create';
/** The models of OpenAI that complete texts; all others answer 404 "This is a chat model". */
const OPENAI_TEXT_MODELS = /^(?:gpt-3\.5-turbo-instruct|babbage-|davinci-)/;

/** By the name of the preset. */
export const VENDOR_RULES: Readonly<Record<string, readonly Rule[]>> = {
  vertex: VERTEX_RULES,
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
  qwen: [
    { entries: { embedding_batch: from(10, DASHSCOPE_EMBEDDINGS) } },
    { models: /text-embedding-v[12]$/, entries: { embedding_batch: from(25, DASHSCOPE_EMBEDDINGS) } },
  ],
  // Its /completions is a beta, at another base URL.
  deepseek: [chatsOnly('https://api-docs.deepseek.com/api/create-completion')],
  mistral: [
    chatsOnly('https://docs.mistral.ai/api'),
    { entries: { rejects: from(['stream_options'], 'https://docs.mistral.ai/api/endpoint/chat') } },
  ],
};
