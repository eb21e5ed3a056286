import type { Preset } from './preset.js';

const BEARER = { authorization: 'Bearer {API_KEY}' };
const KEY = '${secret:API_KEY}';
const DAY_S = 86_400;

/** Google's operations say nothing while they run. */
const OPERATION = {
  keep: { OPERATION: 'name' },
  state: [
    { path: 'error', failed: 'any' },
    { path: 'done', done: [true], running: [false] },
    { path: 'name', running: 'any' },
  ],
  interval_ms: 10_000,
} as const;

const VEO_CHOICES = { ASPECT_RATIO: ['16:9', '9:16'], RESOLUTION: ['720p', '1080p'] } as const;

/** Films of the clouds of Google and Alibaba. Shapes read in the sources; no vendor was called. */
export const LONG_WORK_CLOUDS = {
  veo: {
    title: 'Veo (Google, Gemini API)',
    kind: 'video',
    protocol: 'template',
    source: 'https://ai.google.dev/gemini-api/docs/video',
    readOn: '2026-11-26',
    unconfirmed: ['That the file redirects, and stays two days, was found in public code.'],
    baseUrl: 'https://generativelanguage.googleapis.com',
    apiKey: 'required',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/v1beta/models/{MODEL_NAME}:predictLongRunning',
      header: { 'x-goog-api-key': '{API_KEY}' },
      body: {
        instances: [
          {
            prompt: '{USER_PROMPT}',
            image: {
              '?': '{INPUT_IMAGE}',
              bytesBase64Encoded: '{INPUT_IMAGE_BASE64}',
              mimeType: '{INPUT_IMAGE_TYPE}',
            },
          },
        ],
        parameters: {
          aspectRatio: '{ASPECT_RATIO}',
          durationSeconds: '{SECONDS}',
          resolution: '{RESOLUTION}',
          negativePrompt: '{NEGATIVE_PROMPT}',
        },
      },
      defaults: { size: '1280x720' },
      choices: VEO_CHOICES,
      poll: {
        ...OPERATION,
        status: { url: '{BASE_URL}/v1beta/{+OPERATION}' },
        error: ['error.message', 'response.generateVideoResponse.raiMediaFilteredReasons[]'],
        // The file needs the key, and redirects to where the key must not go.
        result: {
          each: 'response.generateVideoResponse.generatedSamples[*].video',
          keep: { URI: 'uri' },
          request: { url: '{URI}' },
          as: 'bytes',
          expires_s: 2 * DAY_S,
        },
      },
    },
    example: { model_name: 'veo', api_key: KEY, upstream_model: 'veo-3.1-generate-preview' },
  },
  'veo-vertex': {
    title: 'Veo (Google, Vertex AI)',
    kind: 'video',
    protocol: 'template',
    source: 'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation',
    readOn: '2026-11-26',
    unconfirmed: [
      'Read in @google/genai 2.32.0. With storageUri results are gs:// addresses, which are not fetched.',
    ],
    apiKey: 'required',
    apiKeyHint: 'an access token, which lasts an hour: ${secret:NAME} of a file that is renewed',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/publishers/google/models/{MODEL_NAME}:predictLongRunning',
      header: BEARER,
      body: {
        instances: [
          {
            prompt: '{USER_PROMPT}',
            image: {
              '?': '{INPUT_IMAGE}',
              bytesBase64Encoded: '{INPUT_IMAGE_BASE64}',
              mimeType: '{INPUT_IMAGE_TYPE}',
            },
          },
        ],
        parameters: {
          aspectRatio: '{ASPECT_RATIO}',
          durationSeconds: '{SECONDS}',
          resolution: '{RESOLUTION}',
          negativePrompt: '{NEGATIVE_PROMPT}',
          sampleCount: '{N}',
          seed: '{SEED}',
        },
      },
      choices: VEO_CHOICES,
      poll: {
        ...OPERATION,
        status: {
          method: 'POST',
          url: '{BASE_URL}/publishers/google/models/{MODEL_NAME}:fetchPredictOperation',
          body: { operationName: '{OPERATION}' },
        },
        error: ['error.message', 'response.raiMediaFilteredReasons[]'],
        result: { extract: 'response.videos[*].bytesBase64Encoded', as: 'base64' },
      },
    },
    example: {
      model_name: 'veo',
      base_url: 'https://us-central1-aiplatform.googleapis.com/v1/projects/my-project/locations/us-central1',
      api_key: KEY,
      upstream_model: 'veo-3.1-generate-001',
    },
  },
  'dashscope-wan': {
    title: 'Wan (Alibaba DashScope)',
    kind: 'video',
    protocol: 'template',
    source: 'https://www.alibabacloud.com/help/en/model-studio/text-to-video-api-reference',
    readOn: '2026-11-26',
    unconfirmed: ['Newer models take resolution and ratio instead of size: override body.'],
    baseUrl: 'https://dashscope.aliyuncs.com',
    apiKey: 'required',
    defaults: {
      task: 'video',
      req_url_template: '{BASE_URL}/api/v1/services/aigc/video-generation/video-synthesis',
      header: { ...BEARER, 'x-dashscope-async': 'enable' },
      body: {
        model: '{MODEL_NAME}',
        input: { prompt: '{USER_PROMPT}', negative_prompt: '{NEGATIVE_PROMPT}', img_url: '{INPUT_IMAGE}' },
        parameters: { size: '{WIDTH}*{HEIGHT}', duration: '{SECONDS}', seed: '{SEED}' },
      },
      defaults: { size: '1280x720', seconds: 5 },
      poll: {
        keep: { TASK_ID: 'output.task_id' },
        status: { url: '{BASE_URL}/api/v1/tasks/{TASK_ID}', header: { 'x-dashscope-async': '' } },
        state: {
          path: 'output.task_status',
          queued: ['PENDING', 'SUSPENDED'],
          running: ['RUNNING'],
          done: ['SUCCEEDED'],
          failed: ['FAILED'],
          cancelled: ['CANCELED'],
          lost: ['UNKNOWN'],
        },
        error: ['output.message', 'message', 'output.code'],
        result: { extract: ['output.video_url', 'output.results[*].url'], as: 'url', expires_s: DAY_S },
        cancel: [
          {
            method: 'POST',
            url: '{BASE_URL}/api/v1/tasks/{TASK_ID}/cancel',
            header: { 'x-dashscope-async': '' },
          },
        ],
        interval_ms: 5000,
      },
    },
    example: { model_name: 'wan', api_key: KEY, upstream_model: 'wan2.5-t2v-preview' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
