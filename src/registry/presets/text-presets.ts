import type { Preset } from './preset.js';

/** Text servers with a shape of their own. */
export const TEXT_PRESETS = {
  chatglm: {
    title: "ChatGLM's own api.py",
    kind: 'text',
    protocol: 'template',
    source: 'https://github.com/THUDM/ChatGLM-6B/blob/main/api.py',
    apiKey: 'none',
    defaults: {
      req_url_template: '{BASE_URL}/',
      // Its max_length counts the prompt, too: no caller's max_tokens means that.
      body: { prompt: '{USER_PROMPT}', history: '{HISTORY}', temperature: '{MODEL_TEMPERATURE}' },
      response_extract: 'response',
      success_when: { path: 'status', equals: 200 },
      // It answers nothing else while it generates.
      health_check: { kind: 'tcp' },
    },
    example: { model_name: 'chatglm2-6b', base_url: 'http://127.0.0.1:8000' },
  },
  'baichuan-server': {
    title: "Baichuan's own OpenAI_api.py",
    kind: 'text',
    protocol: 'template',
    source: 'https://github.com/baichuan-inc/Baichuan2/blob/main/OpenAI_api.py',
    apiKey: 'none',
    defaults: {
      req_url_template: '{BASE_URL}/v1/chat/completions',
      // Of OpenAI's request it reads messages, and refuses a stream: passed through, no client that streams could use it.
      body: { messages: '{MESSAGES}' },
      response_extract: 'choices[].message.content',
      usage_extract: { input: 'usage.prompt_tokens', output: 'usage.completion_tokens' },
      // It may answer nothing else while it generates.
      health_check: { kind: 'tcp' },
    },
    example: { model_name: 'baichuan2-13b-chat', base_url: 'http://127.0.0.1:8000' },
  },
  llmserver: {
    title: "OperateGPT's llmserver",
    kind: 'text',
    protocol: 'template',
    source: 'https://github.com/xuyuan23/operateGPT/blob/main/operategpt/llms/llmserver.py',
    apiKey: 'none',
    defaults: {
      req_url_template: '{BASE_URL}/api/generate',
      body: { input: '{USER_PROMPT}', model_name: '{MODEL_NAME}' },
      // The answer is one JSON string.
      response_extract: '',
    },
    example: { model_name: 'proxyllm', base_url: 'http://127.0.0.1:8008' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
