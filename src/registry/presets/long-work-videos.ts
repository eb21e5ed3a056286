import type { Preset } from './preset.js';

const BEARER = { authorization: 'Bearer {API_KEY}' };
const KEY = '${secret:API_KEY}';
const DAY_S = 86_400;

const RUNWAY = {
  kind: 'video',
  protocol: 'template',
  source: 'https://docs.dev.runwayml.com/api',
  readOn: '2026-11-27',
  unconfirmed: ['Sizes and seconds differ between its models; Runway refuses what a model does not take.'],
  baseUrl: 'https://api.dev.runwayml.com',
  apiKey: 'required',
} as const;

const RUNWAY_DEFAULTS = {
  task: 'video',
  header: { ...BEARER, 'x-runway-version': '2024-11-06' },
  defaults: { size: '1280x720', seconds: 5 },
  poll: {
    keep: { TASK_ID: 'id' },
    status: { url: '{BASE_URL}/v1/tasks/{TASK_ID}' },
    state: {
      path: 'status',
      queued: ['PENDING', 'THROTTLED'],
      running: ['RUNNING'],
      done: ['SUCCEEDED'],
      failed: ['FAILED'],
      cancelled: ['CANCELLED'],
    },
    progress: { path: 'progress', of: 1 },
    error: ['failure', 'failureCode', 'error'],
    result: { extract: 'output[*]', as: 'url', expires_s: DAY_S },
    cancel: [{ method: 'DELETE', url: '{BASE_URL}/v1/tasks/{TASK_ID}' }],
    // Its documentation allows one look in 5 s.
    interval_ms: 5000,
  },
} as const;

/** Films that are submitted and polled until they are done. Shapes read in the sources; no vendor was called. */
export const LONG_WORK_VIDEOS = {
  runway: {
    ...RUNWAY,
    title: 'Gen-4, once Gen-2 (Runway)',
    defaults: {
      ...RUNWAY_DEFAULTS,
      req_url_template: '{BASE_URL}/v1/text_to_video',
      body: {
        model: '{MODEL_NAME}',
        promptText: '{USER_PROMPT}',
        ratio: '{WIDTH}:{HEIGHT}',
        duration: '{SECONDS}',
        seed: '{SEED}',
      },
    },
    example: { model_name: 'gen4', api_key: KEY, upstream_model: 'gen4.5' },
  },
  'runway-image-to-video': {
    ...RUNWAY,
    title: 'Gen-4 from an image (Runway)',
    defaults: {
      ...RUNWAY_DEFAULTS,
      req_url_template: '{BASE_URL}/v1/image_to_video',
      body: {
        // Requests without an image go to a worker of the preset runway under the same model_name.
        '?': '{INPUT_IMAGE}',
        model: '{MODEL_NAME}',
        promptImage: '{INPUT_IMAGE}',
        promptText: '{USER_PROMPT}',
        ratio: '{WIDTH}:{HEIGHT}',
        duration: '{SECONDS}',
        seed: '{SEED}',
      },
    },
    example: { model_name: 'gen4', api_key: KEY, upstream_model: 'gen4.5' },
  },
  'openai-videos': {
    title: "Servers with OpenAI's /v1/videos: vLLM-Omni and others",
    kind: 'video',
    protocol: 'template',
    source: 'https://github.com/vllm-project/vllm-omni/blob/main/docs/serving/videos_api.md',
    readOn: '2026-11-26',
    unconfirmed: [
      'negative_prompt, seed and num_inference_steps are fields of vLLM-Omni; other servers may refuse a request that has them.',
    ],
    apiKey: 'optional',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/v1/videos',
      header: BEARER,
      body_format: 'multipart',
      body: {
        model: '{MODEL_NAME}',
        prompt: '{USER_PROMPT}',
        seconds: '{SECONDS}',
        size: '{SIZE}',
        seed: '{SEED}',
        negative_prompt: '{NEGATIVE_PROMPT}',
        input_reference: '{INPUT_IMAGE}',
        num_inference_steps: '{EXTRA.num_inference_steps}',
      },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: '{BASE_URL}/v1/videos/{TASK_ID}' },
        state: {
          path: 'status',
          queued: ['queued'],
          running: ['in_progress'],
          done: ['completed'],
          failed: ['failed'],
        },
        progress: { path: 'progress' },
        error: ['error.message', 'error.code'],
        result: { request: { url: '{BASE_URL}/v1/videos/{TASK_ID}/content' }, as: 'bytes' },
        cancel: [{ method: 'DELETE', url: '{BASE_URL}/v1/videos/{TASK_ID}' }],
        interval_ms: 2000,
      },
    },
    example: {
      model_name: 'wan',
      base_url: 'http://127.0.0.1:8000',
      upstream_model: 'Wan-AI/Wan2.2-T2V-A14B-Diffusers',
    },
  },
  luma: {
    title: 'Ray (Luma)',
    kind: 'video',
    protocol: 'template',
    source: 'https://docs.agents.lumalabs.ai/api/resources/generations/methods/get',
    readOn: '2026-11-27',
    unconfirmed: [
      'How long files stay: one hour; requesting the generation again gives a new URL.',
      'Whether a generation can be cancelled.',
    ],
    baseUrl: 'https://agents.lumalabs.ai',
    apiKey: 'required',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/v1/generations',
      header: BEARER,
      body: {
        model: '{MODEL_NAME}',
        type: 'video',
        prompt: '{USER_PROMPT}',
        aspect_ratio: '{ASPECT_RATIO}',
        video: {
          resolution: '{RESOLUTION}',
          duration: '{SECONDS}',
          // Luma takes data without the head of a data URL.
          start_frame: {
            '?': '{INPUT_IMAGE}',
            data: '{INPUT_IMAGE_BASE64}',
            media_type: '{INPUT_IMAGE_TYPE}',
          },
        },
      },
      defaults: { size: '1280x720', seconds: 5 },
      choices: {
        SECONDS: { '5': '5s', '10': '10s' },
        RESOLUTION: ['360p', '540p', '720p', '1080p'],
        ASPECT_RATIO: ['9:16', '3:4', '1:1', '4:3', '16:9', '21:9'],
      },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: '{BASE_URL}/v1/generations/{TASK_ID}' },
        state: {
          path: 'state',
          queued: ['queued'],
          running: ['processing'],
          done: ['completed'],
          failed: ['failed'],
        },
        error: ['failure_reason', 'failure_code', 'detail'],
        result: { extract: 'output[*].url', as: 'url', expires_s: 3600 },
        interval_ms: 3000,
      },
    },
    example: { model_name: 'ray', api_key: KEY, upstream_model: 'ray-3.2' },
  },
  'luma-dream-machine': {
    title: 'Dream Machine (Luma)',
    kind: 'video',
    protocol: 'template',
    source: 'https://docs.lumalabs.ai/docs/video-generation',
    readOn: '2026-11-26',
    unconfirmed: ['Frames must be URLs: an uploaded image is refused by Luma.', 'How long files stay.'],
    baseUrl: 'https://api.lumalabs.ai',
    apiKey: 'required',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/dream-machine/v1/generations/video',
      header: BEARER,
      body: {
        model: '{MODEL_NAME}',
        prompt: '{USER_PROMPT}',
        aspect_ratio: '{ASPECT_RATIO}',
        resolution: '{RESOLUTION}',
        duration: '{SECONDS}',
        keyframes: { '?': '{INPUT_IMAGE}', frame0: { type: 'image', url: '{INPUT_IMAGE}' } },
      },
      defaults: { size: '1280x720', seconds: 5 },
      choices: {
        SECONDS: { '5': '5s', '9': '9s' },
        RESOLUTION: { '540p': '540p', '720p': '720p', '1080p': '1080p', '2160p': '4k' },
        ASPECT_RATIO: ['1:1', '16:9', '9:16', '4:3', '3:4', '21:9', '9:21'],
      },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: '{BASE_URL}/dream-machine/v1/generations/{TASK_ID}' },
        state: {
          path: 'state',
          queued: ['queued'],
          running: ['dreaming'],
          done: ['completed'],
          failed: ['failed'],
        },
        error: ['failure_reason', 'detail'],
        result: { extract: ['assets.video', 'assets.image'], as: 'url' },
        cancel: [{ method: 'DELETE', url: '{BASE_URL}/dream-machine/v1/generations/{TASK_ID}' }],
        interval_ms: 3000,
      },
    },
    example: { model_name: 'ray2', api_key: KEY, upstream_model: 'ray-2' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
