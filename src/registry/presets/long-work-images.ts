import type { Preset } from './preset.js';

const BEARER = { authorization: 'Bearer {API_KEY}' };
const KEY = '${secret:API_KEY}';

/** Images that are submitted and polled until they are done. Shapes read in the sources; no vendor was called. */
export const LONG_WORK_IMAGES = {
  'midjourney-proxy': {
    title: 'Midjourney, through midjourney-proxy',
    kind: 'image',
    protocol: 'template',
    source: 'https://github.com/novicezk/midjourney-proxy/blob/main/docs/api.md',
    readOn: '2026-11-26',
    unconfirmed: ['Images of uploads are sent as data URLs; whether it also accepts URLs is not documented.'],
    apiKey: 'optional',
    apiKeyHint: 'its mj.api-secret, if one is set',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/mj/submit/imagine',
      header: { 'mj-api-secret': '{API_KEY}' },
      body: {
        prompt: '{USER_PROMPT} --ar {ASPECT_RATIO}',
        base64Array: '{INPUT_IMAGES}',
        state: '{JOB_ID}',
      },
      defaults: { size: '1024x1024' },
      success_when: { path: 'code', in: [1, 22] },
      // Its core-size: three tasks at once for an account.
      max_concurrency: 3,
      poll: {
        keep: { TASK_ID: 'result' },
        busy_when: { path: 'code', in: [23] },
        status: { url: '{BASE_URL}/mj/task/{TASK_ID}/fetch' },
        state: {
          path: 'status',
          queued: ['NOT_START', 'SUBMITTED'],
          running: ['IN_PROGRESS'],
          done: ['SUCCESS'],
          failed: ['FAILURE'],
        },
        progress: { path: 'progress' },
        error: ['failReason', 'description'],
        result: { extract: 'imageUrl', as: 'url' },
        interval_ms: 3000,
        timeout_ms: 900_000,
      },
    },
    example: { model_name: 'midjourney', base_url: 'http://127.0.0.1:8080', api_key: KEY },
  },
  'runpod-sdxl': {
    title: 'Stable Diffusion XL on RunPod (worker-sdxl)',
    kind: 'image',
    protocol: 'template',
    source: 'https://docs.runpod.io/serverless/endpoints/operation-reference',
    readOn: '2026-11-27',
    unconfirmed: [
      'Images are base64, as in the README of runpod-workers/worker-sdxl. With a bucket they are URLs: add "poll": {"result": {"extract": "output.images[*]", "as": "url"}}.',
      'Other workers of RunPod have other inputs and outputs: override body and poll.result.',
    ],
    apiKey: 'required',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/run',
      header: BEARER,
      body: {
        input: {
          prompt: '{USER_PROMPT}',
          negative_prompt: '{NEGATIVE_PROMPT}',
          width: '{WIDTH}',
          height: '{HEIGHT}',
          num_images: '{N}',
          seed: '{SEED}',
        },
      },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: '{BASE_URL}/status/{TASK_ID}' },
        state: {
          path: 'status',
          queued: ['IN_QUEUE'],
          running: ['IN_PROGRESS'],
          done: ['COMPLETED'],
          failed: ['FAILED', 'TIMED_OUT'],
          cancelled: ['CANCELLED'],
        },
        error: ['error', 'output.error'],
        result: { extract: 'output.images[*]', as: 'base64', expires_s: 1800 },
        cancel: [{ method: 'POST', url: '{BASE_URL}/cancel/{TASK_ID}' }],
        interval_ms: 2000,
      },
    },
    example: { model_name: 'sdxl', base_url: 'https://api.runpod.ai/v2/my-endpoint', api_key: KEY },
  },
  'ai-horde': {
    title: 'AI Horde',
    kind: 'image',
    protocol: 'template',
    source: 'https://aihorde.net/api/',
    readOn: '2026-11-26',
    unconfirmed: [
      'Read in public clients, not on the page. Sizes must be multiples of 64.',
      'How long images stay: about 30 minutes.',
    ],
    baseUrl: 'https://aihorde.net',
    apiKey: 'required',
    apiKeyHint: '0000000000 is anonymous and has the lowest priority',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/api/v2/generate/async',
      header: { apikey: '{API_KEY}' },
      body: {
        prompt: '{USER_PROMPT}',
        params: { width: '{WIDTH}', height: '{HEIGHT}', n: '{N}', steps: '{EXTRA.steps}' },
        models: ['{MODEL_NAME}'],
        r2: true,
      },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: '{BASE_URL}/api/v2/generate/check/{TASK_ID}' },
        state: [
          { path: 'faulted', failed: [true] },
          { path: 'is_possible', failed: [false] },
          { path: 'done', done: [true] },
          { path: 'processing', queued: [0], running: 'any' },
        ],
        queue_position: 'queue_position',
        error: ['message'],
        result: {
          request: { url: '{BASE_URL}/api/v2/generate/status/{TASK_ID}' },
          extract: 'generations[*].img',
          as: 'url',
          expires_s: 1800,
        },
        cancel: [{ method: 'DELETE', url: '{BASE_URL}/api/v2/generate/status/{TASK_ID}' }],
        interval_ms: 3000,
      },
    },
    example: { model_name: 'horde', api_key: KEY, upstream_model: 'stable_diffusion' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
