import type { Preset } from './preset.js';

const BEARER = { authorization: 'Bearer {API_KEY}' };

/** A provider's API at one public address: only a key is required. */
function hosted(title: string, baseUrl: string, model: string, source: string): Preset {
  return {
    title,
    kind: 'text',
    protocol: 'openai',
    source,
    baseUrl,
    apiKey: 'required',
    defaults: { req_url_template: '{BASE_URL}', header: BEARER },
    example: { model_name: model, api_key: '${secret:API_KEY}' },
  };
}

/** What is known of a self-hosted server besides its API. */
interface OwnServer {
  /** Its health, below the base URL. */
  readonly health?: string;
  /** What it runs at once by default; what comes on top waits inside it, where classes and limits do not count. */
  readonly runsAtOnce?: number;
  /** The metric of /metrics that counts the requests that wait inside it. */
  readonly waiting?: string;
}

/** A self-hosted server, which may require a key. */
function ownServer(
  title: string,
  port: number,
  model: string,
  source: string,
  { health, runsAtOnce, waiting }: OwnServer = {},
): Preset {
  return {
    title,
    kind: 'text',
    protocol: 'openai',
    source,
    apiKey: 'optional',
    defaults: {
      req_url_template: '{BASE_URL}/v1',
      header: BEARER,
      // Any status below 500 will do: a proxy may not pass this path on.
      ...(health === undefined && waiting === undefined
        ? {}
        : {
            health_check: {
              ...(health === undefined ? {} : { path: `{BASE_URL}${health}` }),
              ...(waiting === undefined ? {} : { waiting: { path: '{BASE_URL}/metrics', metric: waiting } }),
            },
          }),
      ...(runsAtOnce === undefined ? {} : { max_concurrency: runsAtOnce }),
    },
    example: { model_name: model, base_url: `http://127.0.0.1:${port}` },
  };
}

/** Systems with OpenAI's API, which are passed through. */
export const OPENAI_PRESETS = {
  openai: hosted(
    'ChatGPT (OpenAI)',
    'https://api.openai.com/v1',
    'gpt-4o-mini',
    'https://platform.openai.com/docs/api-reference/chat',
  ),
  'azure-openai': {
    title: 'ChatGPT (Azure OpenAI)',
    kind: 'text',
    protocol: 'openai',
    // The v1 API, which needs no api-version.
    source: 'https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle',
    apiKey: 'required',
    defaults: { req_url_template: '{BASE_URL}/openai/v1', header: { 'api-key': '{API_KEY}' } },
    example: {
      model_name: 'gpt-4o-mini',
      base_url: 'https://my-resource.openai.azure.com',
      api_key: '${secret:API_KEY}',
      upstream_model: 'my-deployment',
    },
  },
  mistral: hosted(
    'Mistral',
    'https://api.mistral.ai/v1',
    'mistral-small-latest',
    'https://docs.mistral.ai/api/',
  ),
  deepseek: hosted(
    'DeepSeek',
    'https://api.deepseek.com',
    'deepseek-v4-flash',
    'https://api-docs.deepseek.com/api/create-chat-completion',
  ),
  qwen: hosted(
    'Qwen (DashScope)',
    'https://dashscope.aliyuncs.com/compatible-mode/v1',
    'qwen-plus',
    'https://help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope',
  ),
  zhipu: hosted(
    'GLM (Zhipu)',
    'https://open.bigmodel.cn/api/paas/v4',
    'glm-4-flash',
    'https://docs.bigmodel.cn/cn/guide/capabilities/streaming',
  ),
  moonshot: hosted(
    'Kimi (Moonshot)',
    'https://api.moonshot.cn/v1',
    'moonshot-v1-8k',
    'https://platform.moonshot.cn/docs/api/chat',
  ),
  groq: hosted(
    'Groq',
    'https://api.groq.com/openai/v1',
    'llama-3.1-8b-instant',
    'https://console.groq.com/docs/api-reference#chat-create',
  ),
  openrouter: hosted(
    'OpenRouter',
    'https://openrouter.ai/api/v1',
    'meta-llama/llama-3.1-8b-instruct',
    'https://openrouter.ai/docs/api/reference/overview',
  ),
  baichuan: hosted(
    "Baichuan's API",
    'https://api.baichuan-ai.com/v1',
    'Baichuan4-Turbo',
    'https://platform.baichuan-ai.com/docs/api',
  ),
  vllm: ownServer(
    'vLLM: Llama, Baichuan, ChatGLM, Vicuna, …',
    8000,
    'llama-3.1-8b',
    'https://docs.vllm.ai/en/stable/serving/openai_compatible_server/',
    // https://docs.vllm.ai/en/stable/usage/metrics/
    { health: '/health', waiting: 'vllm:num_requests_waiting' },
  ),
  // Newer versions generate a token to answer /health; their list of models costs none.
  sglang: ownServer(
    'SGLang: Llama, Baichuan, ChatGLM, Vicuna, …',
    30000,
    'llama-3.1-8b',
    'https://docs.sglang.ai/basic_usage/openai_api.html',
    // With --enable-metrics: https://docs.sglang.io/references/production_metrics.html
    { waiting: 'sglang:num_queue_reqs' },
  ),
  ollama: ownServer('Ollama', 11434, 'llama3', 'https://docs.ollama.com/openai', {
    health: '/api/version',
    // OLLAMA_NUM_PARALLEL is 1 by default: https://docs.ollama.com/faq
    runsAtOnce: 1,
  }),
  'llama-cpp': ownServer(
    'llama.cpp',
    8080,
    'llama-3.1-8b',
    'https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md',
    // --parallel is auto by default, which makes four slots (GET /props: total_slots). The metric needs --metrics.
    { health: '/health', runsAtOnce: 4, waiting: 'llamacpp:requests_deferred' },
  ),
  tgi: ownServer(
    'Text Generation Inference',
    3000,
    'llama-3.1-8b',
    'https://huggingface.co/docs/text-generation-inference/messages_api',
    // https://huggingface.co/docs/text-generation-inference/reference/metrics
    { health: '/health', waiting: 'tgi_queue_size' },
  ),
  fastchat: ownServer(
    'FastChat: Vicuna',
    8000,
    'vicuna-7b-v1.5',
    'https://github.com/lm-sys/FastChat/blob/main/docs/openai_api.md',
  ),
} as const satisfies Readonly<Record<string, Preset>>;

/** Providers with an API of their own. */
export const OTHER_API_PRESETS = {
  anthropic: {
    title: 'Claude (Anthropic)',
    kind: 'text',
    protocol: 'anthropic',
    source: 'https://docs.anthropic.com/en/api/messages',
    baseUrl: 'https://api.anthropic.com',
    apiKey: 'required',
    defaults: {
      req_url_template: '{BASE_URL}/v1',
      header: { 'x-api-key': '{API_KEY}', 'anthropic-version': '2023-06-01' },
    },
    example: { model_name: 'claude-sonnet-4-5', api_key: '${secret:API_KEY}' },
  },
  gemini: {
    title: 'Gemini, once Bard (Google)',
    kind: 'text',
    protocol: 'gemini',
    source: 'https://ai.google.dev/api/generate-content',
    baseUrl: 'https://generativelanguage.googleapis.com',
    apiKey: 'required',
    defaults: { req_url_template: '{BASE_URL}/v1beta', header: { 'x-goog-api-key': '{API_KEY}' } },
    example: { model_name: 'gemini-2.5-flash', api_key: '${secret:API_KEY}' },
  },
  vertex: {
    title: 'Gemini (Google, Vertex AI)',
    kind: 'text',
    protocol: 'gemini',
    source:
      'https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.publishers.models/generateContent',
    apiKey: 'required',
    apiKeyHint: 'an access token, which lasts an hour: ${secret:NAME} of a file that is renewed',
    defaults: {
      req_url_template: '{BASE_URL}/publishers/google',
      header: BEARER,
      // It lists its models elsewhere.
      health_check: { kind: 'none' },
    },
    example: {
      model_name: 'gemini-2.5-flash',
      base_url: 'https://us-central1-aiplatform.googleapis.com/v1/projects/my-project/locations/us-central1',
      api_key: '${secret:API_KEY}',
    },
  },
} as const satisfies Readonly<Record<string, Preset>>;
