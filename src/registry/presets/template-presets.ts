import type { Preset } from './preset.js';

/** Text servers with an API of their own. */
export const TEXT_PRESETS = {
  chatglm: {
    title: "ChatGLM's own api.py",
    kind: 'text',
    protocol: 'template',
    source: 'https://github.com/THUDM/ChatGLM-6B/blob/main/api.py',
    apiKey: 'none',
    defaults: {
      req_url_template: '{BASE_URL}/',
      // Its max_length includes the prompt, which a client's max_tokens does not.
      body: { prompt: '{USER_PROMPT}', history: '{HISTORY}', temperature: '{MODEL_TEMPERATURE}' },
      response_extract: 'response',
      success_when: { path: 'status', equals: 200 },
      // It answers no probe while it generates.
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
      // It reads only messages of OpenAI's request and rejects streams: passed through, no streaming client could use it.
      body: { messages: '{MESSAGES}' },
      response_extract: 'choices[].message.content',
      usage_extract: { input: 'usage.prompt_tokens', output: 'usage.completion_tokens' },
      // It may answer no probe while it generates.
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

/** A video takes minutes, and the answer arrives when it is done. */
const VIDEO_TOTAL_MS = 1800000;

/** Servers whose answer holds the image or video. */
export const MEDIA_PRESETS = {
  'stable-diffusion-webui': {
    title: 'Stable Diffusion webui (started with --api)',
    kind: 'image',
    protocol: 'template',
    source: 'https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API',
    apiKey: 'optional',
    apiKeyHint: 'user:password in base64, if it was started with --api-auth',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/sdapi/v1/txt2img',
      header: { authorization: 'Basic {API_KEY}' },
      body: {
        prompt: '{USER_PROMPT}',
        negative_prompt: '{NEGATIVE_PROMPT}',
        steps: 20,
        width: '{WIDTH}',
        height: '{HEIGHT}',
        seed: '{SEED}',
      },
      defaults: { size: '512x512' },
      // Base64 of the first image.
      response_extract: 'images[]',
      health_check: { path: '{BASE_URL}/sdapi/v1/progress?skip_current_image=true' },
    },
    example: { model_name: 'stable-diffusion', base_url: 'http://127.0.0.1:7860' },
  },
  'stablediffusion-proxy': {
    title: "OperateGPT's Stable Diffusion proxy",
    kind: 'image',
    protocol: 'template',
    source: 'https://github.com/xuyuan23/stablediffusion-proxy',
    apiKey: 'none',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/generate_img',
      body: { prompt: '{USER_PROMPT}', image_name: '{REQUEST_ID}', image_type: 'png' },
      response_extract: 'msg',
      success_when: { path: 'success', equals: true },
    },
    example: { model_name: 'stable-diffusion', base_url: 'http://127.0.0.1:7860' },
  },
  'text2video-proxy': {
    title: "OperateGPT's Text2Video proxy",
    kind: 'video',
    protocol: 'template',
    source: 'https://github.com/xuyuan23/Text2Video',
    apiKey: 'none',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/generate_video',
      body: {
        prompt: '{USER_PROMPT}',
        num_inference_steps: 25,
        height: '{HEIGHT}',
        width: '{WIDTH}',
        num_frames: 24,
      },
      defaults: { size: '480x320' },
      response_extract: 'msg',
      success_when: { path: 'success', equals: true },
      timeouts: { total_ms: VIDEO_TOTAL_MS },
    },
    example: { model_name: 'text-to-video', base_url: 'http://127.0.0.1:7861' },
  },
  zeroscope: {
    title: 'zeroscope, through the Text2Video proxy',
    kind: 'video',
    protocol: 'template',
    // The model and its default sizes.
    source: 'https://github.com/xuyuan23/Text2Video',
    apiKey: 'none',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/generate_video',
      body: {
        prompt: '{USER_PROMPT}',
        num_inference_steps: 40,
        height: '{HEIGHT}',
        width: '{WIDTH}',
        num_frames: 24,
      },
      defaults: { size: '576x320' },
      response_extract: 'msg',
      success_when: { path: 'success', equals: true },
      timeouts: { total_ms: VIDEO_TOTAL_MS },
    },
    example: { model_name: 'zeroscope', base_url: 'http://127.0.0.1:7861' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
