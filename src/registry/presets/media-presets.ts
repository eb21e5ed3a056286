import type { Preset } from './preset.js';

/** A video takes minutes, and the answer comes when it is done. */
const VIDEO_TOTAL_MS = 1_800_000;

/** Images and videos that come with the answer. */
export const MEDIA_PRESETS = {
  'stable-diffusion-webui': {
    title: 'Stable Diffusion webui (started with --api)',
    kind: 'image',
    protocol: 'template',
    source: 'https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API',
    apiKey: 'optional',
    apiKeyHint: 'user:password in base64, where it was started with --api-auth',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/sdapi/v1/txt2img',
      header: { authorization: 'Basic {API_KEY}' },
      body: { prompt: '{USER_PROMPT}', steps: 20, width: 512, height: 512 },
      // Base64 of the first image.
      response_extract: 'images[]',
      health_check: { path: '/sdapi/v1/progress?skip_current_image=true' },
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
      body: { prompt: '{USER_PROMPT}', num_inference_steps: 25, height: 320, width: 480, num_frames: 24 },
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
    // The model and the sizes it has by default.
    source: 'https://github.com/xuyuan23/Text2Video',
    apiKey: 'none',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/generate_video',
      body: { prompt: '{USER_PROMPT}', num_inference_steps: 40, height: 320, width: 576, num_frames: 24 },
      response_extract: 'msg',
      success_when: { path: 'success', equals: true },
      timeouts: { total_ms: VIDEO_TOTAL_MS },
    },
    example: { model_name: 'zeroscope', base_url: 'http://127.0.0.1:7861' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
