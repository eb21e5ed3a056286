import type { Preset } from './preset.js';

/** ComfyUI's own first graph, text to image. Any other is registered as `"body": {"prompt": …}`, exported by "Export (API)". */
const GRAPH = {
  '3': {
    class_type: 'KSampler',
    inputs: {
      seed: '{SEED}',
      steps: 20,
      cfg: 8,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
      model: ['4', 0],
      positive: ['6', 0],
      negative: ['7', 0],
      latent_image: ['5', 0],
    },
  },
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: '{MODEL_NAME}' } },
  '5': {
    class_type: 'EmptyLatentImage',
    inputs: { width: '{WIDTH}', height: '{HEIGHT}', batch_size: '{N}' },
  },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: '{USER_PROMPT}', clip: ['4', 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: '{NEGATIVE_PROMPT}', clip: ['4', 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'mmm', images: ['8', 0] } },
} as const;

/** Both versions save files that are fetched one by one. */
const COMMON = {
  task: 'image',
  req_url_template: '{BASE_URL}/prompt',
  defaults: { size: '1024x1024', n: 1, seed: 'random', negative_prompt: '' },
  health_check: { path: '{BASE_URL}/system_stats' },
  // One runs, one waits: the others wait here, where they can be cancelled and other workers can take them.
  max_concurrency: 2,
} as const;

/** What is wrong with a node says more than that the graph is wrong. */
const SUBMIT_ERRORS = ['node_errors.*.errors[*].details', 'error.message'] as const;

const FILES = {
  keep: { FILENAME: 'filename', SUBFOLDER: 'subfolder', TYPE: 'type' },
  request: { url: '{BASE_URL}/view?filename={FILENAME}&subfolder={SUBFOLDER}&type={TYPE}' },
  as: 'bytes',
} as const;

const EXAMPLE = {
  model_name: 'sdxl',
  base_url: 'http://127.0.0.1:8188',
  upstream_model: 'sd_xl_base_1.0.safetensors',
} as const;

const UNCONFIRMED = [
  'upstream_model is the file of the checkpoint, as ComfyUI lists it. A graph without a checkpoint needs none.',
] as const;

export const COMFYUI_PRESETS = {
  comfyui: {
    title: 'ComfyUI',
    kind: 'image',
    protocol: 'template',
    source: 'https://github.com/Comfy-Org/ComfyUI/blob/172be43/comfy_execution/jobs.py',
    readOn: '2026-11-26',
    unconfirmed: UNCONFIRMED,
    apiKey: 'none',
    defaults: {
      ...COMMON,
      // The task has the id of the job, so that a submit whose answer was lost is found again.
      body: { prompt_id: '{JOB_ID}', prompt: GRAPH },
      poll: {
        resubmit: 'ask',
        status: { url: '{BASE_URL}/api/jobs/{JOB_ID}' },
        state: {
          path: 'status',
          queued: ['pending'],
          running: ['in_progress'],
          done: ['completed'],
          failed: ['failed'],
          cancelled: ['cancelled'],
        },
        error: ['execution_error.exception_message', ...SUBMIT_ERRORS, 'error'],
        result: { each: 'outputs.*.images[*]', ...FILES },
        cancel: [{ method: 'POST', url: '{BASE_URL}/api/jobs/{JOB_ID}/cancel' }],
        interval_ms: 1000,
      },
    },
    example: EXAMPLE,
  },
  'comfyui-before-jobs-api': {
    title: 'ComfyUI before its jobs API',
    kind: 'image',
    protocol: 'template',
    source: 'https://github.com/Comfy-Org/ComfyUI/blob/002c3fb/server.py',
    readOn: '2026-11-26',
    unconfirmed: [
      ...UNCONFIRMED,
      'Its history is empty while a task runs, so a task that it forgot is noticed by timeout_ms only.',
    ],
    apiKey: 'none',
    defaults: {
      ...COMMON,
      body: { prompt: GRAPH },
      poll: {
        keep: { TASK_ID: 'prompt_id' },
        status: { url: '{BASE_URL}/history/{TASK_ID}' },
        state: {
          path: '["{TASK_ID}"].status.status_str',
          running: [null],
          done: ['success'],
          failed: ['error'],
        },
        error: ['["{TASK_ID}"].status.messages[-1][1].exception_message', ...SUBMIT_ERRORS],
        result: { each: '["{TASK_ID}"].outputs.*.images[*]', ...FILES },
        cancel: [
          { method: 'POST', url: '{BASE_URL}/queue', body: { delete: ['{TASK_ID}'] } },
          { method: 'POST', url: '{BASE_URL}/interrupt', body: { prompt_id: '{TASK_ID}' } },
        ],
        interval_ms: 1000,
      },
    },
    example: EXAMPLE,
  },
} as const satisfies Readonly<Record<string, Preset>>;
