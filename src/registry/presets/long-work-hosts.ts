import type { Preset } from './preset.js';

const BEARER = { authorization: 'Bearer {API_KEY}' };
const KEY = '${secret:API_KEY}';

/** Hosts of many models, which are called by their names. Shapes read in the sources; no vendor was called. */
export const MODEL_HOST_PRESETS = {
  replicate: {
    title: 'Replicate',
    kind: 'image',
    protocol: 'template',
    source: 'https://replicate.com/docs/topics/predictions/lifecycle',
    readOn: '2026-11-26',
    unconfirmed: [
      'Each model has inputs of its own: override body. For a film add "task": "video".',
      'How long files stay: one hour.',
    ],
    baseUrl: 'https://api.replicate.com',
    apiKey: 'required',
    defaults: {
      task: 'image',
      // Its models are called owner/name.
      req_url_template: '{BASE_URL}/v1/models/{+MODEL_NAME}/predictions',
      header: BEARER,
      body: {
        input: {
          prompt: '{USER_PROMPT}',
          aspect_ratio: '{ASPECT_RATIO}',
          num_outputs: '{N}',
          seed: '{SEED}',
          duration: '{SECONDS}',
          image: '{INPUT_IMAGE}',
        },
      },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: '{BASE_URL}/v1/predictions/{TASK_ID}' },
        state: {
          path: 'status',
          queued: ['starting'],
          running: ['processing'],
          done: ['succeeded'],
          failed: ['failed'],
          cancelled: ['canceled', 'aborted'],
        },
        error: ['error', 'detail'],
        result: { extract: 'output[*]', as: 'url', expires_s: 3600 },
        cancel: [{ method: 'POST', url: '{BASE_URL}/v1/predictions/{TASK_ID}/cancel' }],
        interval_ms: 1000,
      },
    },
    example: { model_name: 'flux', api_key: KEY, upstream_model: 'black-forest-labs/flux-schnell' },
  },
  fal: {
    title: 'fal',
    kind: 'image',
    protocol: 'template',
    source: 'https://fal.ai/docs/api-reference/inference-api',
    readOn: '2026-11-27',
    unconfirmed: [
      'Each model has inputs of its own: override body. For a film add "task": "video".',
      'Whether the status of a failed request holds `error`; if not, its result says what failed.',
      'How long files stay.',
    ],
    baseUrl: 'https://queue.fal.run',
    apiKey: 'required',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/{+MODEL_NAME}',
      header: { authorization: 'Key {API_KEY}' },
      body: {
        prompt: '{USER_PROMPT}',
        image_size: { '?': '{SIZE}', width: '{WIDTH}', height: '{HEIGHT}' },
        num_images: '{N}',
        seed: '{SEED}',
        image_url: '{INPUT_IMAGE}',
      },
      poll: {
        // The URLs of a task leave out the path behind owner and app, so it gives them.
        keep: { STATUS_URL: 'status_url', RESPONSE_URL: 'response_url', CANCEL_URL: 'cancel_url' },
        status: { url: '{STATUS_URL}' },
        state: [
          { path: 'error', failed: 'any' },
          { path: 'status', queued: ['IN_QUEUE'], running: ['IN_PROGRESS'], done: ['COMPLETED'] },
        ],
        queue_position: 'queue_position',
        error: ['detail[].msg', 'detail', 'error'],
        result: { request: { url: '{RESPONSE_URL}' }, extract: ['images[*].url', 'video.url'], as: 'url' },
        cancel: [{ method: 'PUT', url: '{CANCEL_URL}' }],
        interval_ms: 1000,
      },
    },
    example: { model_name: 'flux', api_key: KEY, upstream_model: 'fal-ai/flux/schnell' },
  },
  bfl: {
    title: 'FLUX (Black Forest Labs)',
    kind: 'image',
    protocol: 'template',
    source: 'https://docs.bfl.ml/api_integration/integration_guidelines',
    readOn: '2026-11-27',
    unconfirmed: [
      'The hosts of polling_url. Those of its pages are in poll.origins; a job that names another ends misconfigured and says which.',
      'The words of a failure: only the state is read.',
    ],
    baseUrl: 'https://api.bfl.ai',
    apiKey: 'required',
    defaults: {
      task: 'image',
      req_url_template: '{BASE_URL}/v1/{MODEL_NAME}',
      header: { 'x-key': '{API_KEY}' },
      body: {
        prompt: '{USER_PROMPT}',
        width: '{WIDTH}',
        height: '{HEIGHT}',
        seed: '{SEED}',
        input_image: '{INPUT_IMAGE_BASE64}',
      },
      poll: {
        keep: { STATUS_URL: 'polling_url' },
        // A task is polled in the region that took it.
        origins: [
          'https://api.bfl.ai',
          'https://api.eu.bfl.ai',
          'https://api.us.bfl.ai',
          'https://api.eu1.bfl.ai',
          'https://api.us1.bfl.ai',
        ],
        status: { url: '{STATUS_URL}' },
        state: {
          path: 'status',
          running: ['Pending'],
          done: ['Ready'],
          failed: ['Request Moderated', 'Content Moderated', 'Error', 'Failed'],
          lost: ['Task not found'],
        },
        progress: { path: 'progress', of: 1 },
        error: ['detail[].msg', 'detail', 'status'],
        result: { extract: 'result.sample', as: 'url', expires_s: 600 },
        interval_ms: 1000,
      },
    },
    example: { model_name: 'flux', api_key: KEY, upstream_model: 'flux-2-pro' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
