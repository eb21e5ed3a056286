import type { StandIn } from './stand-in.js';
import { textAt } from './vendor.js';

/** A vendor called as its documents show it, by name of its preset. {PROMPT} and {KEY} are filled in. */
export interface DocumentedCalls {
  readonly headers: Readonly<Record<string, string>>;
  readonly submit: string;
  readonly body: unknown;
  readonly isForm?: true;
  /** Path of the task's id, or URL, in the answer. */
  readonly id: string;
  readonly look: (id: string, standIn: StandIn) => string;
  /** For a look by POST. */
  readonly lookBody?: (id: string) => unknown;
  /** Path and value of a finished task. */
  readonly done: readonly [path: string, value: unknown];
  readonly cancel?: (id: string) => string;
}

const BEARER = { authorization: 'Bearer {KEY}' };
const IMAGE = 'data:image/png;base64,iVBORw0KGgo=';
const JOB = '8f0f7a52-6f0b-4b8f-9a55-0d6e9f2a7c11';
const RUNWAY = { ...BEARER, 'x-runway-version': '2024-11-06' };
const GRAPH = {
  '3': {
    class_type: 'KSampler',
    inputs: {
      seed: 156680208700286,
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
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'v1-5-pruned-emaonly.safetensors' } },
  '5': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: '{PROMPT}', clip: ['4', 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'text, watermark', clip: ['4', 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'ComfyUI', images: ['8', 0] } },
};
const VERTEX = '/v1/projects/p/locations/us-central1/publishers/google/models/veo-3.1-generate-001';

export const DOCUMENTED: Readonly<Record<string, DocumentedCalls>> = {
  'midjourney-proxy': {
    headers: { 'mj-api-secret': '{KEY}' },
    submit: '/mj/submit/imagine',
    body: { prompt: '{PROMPT}', base64Array: [IMAGE], state: 'mine' },
    id: 'result',
    look: (id) => `/mj/task/${id}/fetch`,
    done: ['status', 'SUCCESS'],
  },
  runway: {
    headers: RUNWAY,
    submit: '/v1/text_to_video',
    body: { model: 'gen4.5', promptText: '{PROMPT}', ratio: '1280:720', duration: 5, seed: 7 },
    id: 'id',
    look: (id) => `/v1/tasks/${id}`,
    done: ['status', 'SUCCEEDED'],
    cancel: (id) => `DELETE /v1/tasks/${id}`,
  },
  'runway-image-to-video': {
    headers: RUNWAY,
    submit: '/v1/image_to_video',
    body: { model: 'gen4_turbo', promptImage: IMAGE, promptText: '{PROMPT}', ratio: '1280:720', duration: 5 },
    id: 'id',
    look: (id) => `/v1/tasks/${id}`,
    done: ['status', 'SUCCEEDED'],
  },
  comfyui: {
    headers: {},
    submit: '/prompt',
    body: { prompt: GRAPH, prompt_id: JOB },
    id: 'prompt_id',
    look: (id) => `/api/jobs/${id}`,
    done: ['status', 'completed'],
    cancel: (id) => `POST /api/jobs/${id}/cancel`,
  },
  'comfyui-before-jobs-api': {
    headers: {},
    submit: '/prompt',
    body: { prompt: GRAPH, client_id: 'me' },
    id: 'prompt_id',
    look: (id) => `/history/${id}`,
    done: ['{ID}.status.status_str', 'success'],
  },
  'runpod-sdxl': {
    headers: BEARER,
    submit: '/v2/abc123/run',
    body: { input: { prompt: '{PROMPT}', width: 64, height: 64, num_images: 1, seed: 42 } },
    id: 'id',
    look: (id) => `/v2/abc123/status/${id}`,
    done: ['status', 'COMPLETED'],
    cancel: (id) => `POST /v2/abc123/cancel/${id}`,
  },
  'ai-horde': {
    headers: { apikey: '{KEY}' },
    submit: '/api/v2/generate/async',
    body: {
      prompt: '{PROMPT}',
      params: { width: 512, height: 512, n: 1, steps: 30 },
      models: ['stable_diffusion'],
    },
    id: 'id',
    look: (id) => `/api/v2/generate/check/${id}`,
    done: ['done', true],
    cancel: (id) => `DELETE /api/v2/generate/status/${id}`,
  },
  'openai-videos': {
    headers: BEARER,
    submit: '/v1/videos',
    body: { model: 'Wan2.2', prompt: '{PROMPT}', seconds: '5', size: '1280x720', seed: '7' },
    isForm: true,
    id: 'id',
    look: (id) => `/v1/videos/${id}`,
    done: ['status', 'completed'],
    cancel: (id) => `DELETE /v1/videos/${id}`,
  },
  replicate: {
    headers: BEARER,
    submit: '/v1/models/black-forest-labs/flux-schnell/predictions',
    body: { input: { prompt: '{PROMPT}', aspect_ratio: '16:9', num_outputs: 2, seed: 7 } },
    id: 'id',
    look: (id) => `/v1/predictions/${id}`,
    done: ['status', 'succeeded'],
    cancel: (id) => `POST /v1/predictions/${id}/cancel`,
  },
  fal: {
    headers: { authorization: 'Key {KEY}' },
    submit: '/black-forest-labs/flux/schnell',
    body: { prompt: '{PROMPT}', image_size: { width: 512, height: 512 }, num_images: 1, seed: 7 },
    id: 'status_url',
    look: (url, { url: origin }) => url.slice(origin.length),
    done: ['status', 'COMPLETED'],
    cancel: (url) => `PUT ${new URL(url).pathname.replace(/status$/, 'cancel')}`,
  },
  kling: {
    headers: BEARER,
    submit: '/omni-video/kling-v3-omni',
    body: {
      contents: [
        { type: 'prompt', text: '{PROMPT}' },
        { type: 'first_frame', url: 'https://example.com/first.png' },
      ],
      settings: { resolution: '720p', aspect_ratio: '16:9', duration: 5 },
      options: { external_task_id: JOB },
    },
    id: 'data.external_id',
    look: (id) => `/tasks?external_task_ids=${id}`,
    done: ['data.0.status', 'succeeded'],
  },
  'kling-v1': {
    headers: BEARER,
    submit: '/v1/videos/text2video',
    body: {
      model_name: 'kling-v2-6',
      prompt: '{PROMPT}',
      duration: '5',
      aspect_ratio: '16:9',
      external_task_id: 'mine',
    },
    id: 'data.task_id',
    look: (id) => `/v1/videos/text2video/${id}`,
    done: ['data.task_status', 'succeed'],
  },
  luma: {
    headers: BEARER,
    submit: '/v1/generations',
    body: {
      model: 'ray-3.2',
      type: 'video',
      prompt: '{PROMPT}',
      aspect_ratio: '16:9',
      video: { resolution: '720p', duration: '5s' },
    },
    id: 'id',
    look: (id) => `/v1/generations/${id}`,
    done: ['state', 'completed'],
  },
  'luma-dream-machine': {
    headers: BEARER,
    submit: '/dream-machine/v1/generations/video',
    body: { model: 'ray-2', prompt: '{PROMPT}', aspect_ratio: '16:9', resolution: '720p', duration: '5s' },
    id: 'id',
    look: (id) => `/dream-machine/v1/generations/${id}`,
    done: ['state', 'completed'],
    cancel: (id) => `DELETE /dream-machine/v1/generations/${id}`,
  },
  veo: {
    headers: { 'x-goog-api-key': '{KEY}' },
    submit: '/v1beta/models/veo-3.1-generate-preview:predictLongRunning',
    body: { instances: [{ prompt: '{PROMPT}' }], parameters: { aspectRatio: '16:9', durationSeconds: 8 } },
    id: 'name',
    look: (id) => `/v1beta/${id}`,
    done: ['done', true],
  },
  'veo-vertex': {
    headers: BEARER,
    submit: `${VERTEX}:predictLongRunning`,
    body: { instances: [{ prompt: '{PROMPT}' }], parameters: { aspectRatio: '16:9', sampleCount: 1 } },
    id: 'name',
    look: () => `${VERTEX}:fetchPredictOperation`,
    lookBody: (id) => ({ operationName: id }),
    done: ['done', true],
  },
  'dashscope-wan': {
    headers: { ...BEARER, 'x-dashscope-async': 'enable' },
    submit: '/api/v1/services/aigc/video-generation/video-synthesis',
    body: {
      model: 'wan2.5-t2v-preview',
      input: { prompt: '{PROMPT}', negative_prompt: 'blurry' },
      parameters: { size: '1280*720', duration: 5, seed: 7 },
    },
    id: 'output.task_id',
    look: (id) => `/api/v1/tasks/${id}`,
    done: ['output.task_status', 'SUCCEEDED'],
    cancel: (id) => `POST /api/v1/tasks/${id}/cancel`,
  },
  minimax: {
    headers: BEARER,
    submit: '/v2/video_generation',
    body: {
      model: 'MiniMax-H3',
      content: [{ type: 'text', text: '{PROMPT}' }],
      resolution: '768P',
      duration: 5,
      ratio: '16:9',
    },
    id: 'task_id',
    look: (id) => `/v2/query/video_generation/${id}`,
    done: ['task.status', 'succeeded'],
  },
  'minimax-v1': {
    headers: BEARER,
    submit: '/v1/video_generation',
    body: { model: 'MiniMax-Hailuo-2.3', prompt: '{PROMPT}', duration: 6, resolution: '1080P' },
    id: 'task_id',
    look: (id) => `/v1/query/video_generation?task_id=${id}`,
    done: ['status', 'Success'],
  },
  bfl: {
    headers: { 'x-key': '{KEY}' },
    submit: '/v1/flux-2-pro',
    body: { prompt: '{PROMPT}', width: 512, height: 512, seed: 7 },
    id: 'polling_url',
    look: (url) => url,
    done: ['status', 'Ready'],
  },
};

export interface DocumentedAnswer {
  readonly status: number;
  readonly json: unknown;
  readonly text: string;
}

/** Calls a stand-in as the documents show. */
export class DocumentedClient {
  constructor(
    readonly standIn: StandIn,
    readonly calls: DocumentedCalls,
  ) {}

  bodyFor(prompt: string): unknown {
    return JSON.parse(JSON.stringify(this.calls.body).replaceAll('{PROMPT}', prompt)) as unknown;
  }

  submit(body: unknown, headers = this.headers): Promise<DocumentedAnswer> {
    if (this.calls.isForm !== true) return this.#call('POST', this.calls.submit, body, headers);
    const form = new FormData();
    for (const [name, value] of Object.entries(body as Record<string, string>)) form.set(name, value);
    return answerOf(fetch(this.standIn.url + this.calls.submit, { method: 'POST', headers, body: form }));
  }

  /** The id of an accepted task. */
  idIn({ json }: DocumentedAnswer): string {
    return textAt(json, this.calls.id);
  }

  look(id: string): Promise<DocumentedAnswer> {
    const { look, lookBody } = this.calls;
    const body = lookBody?.(id);
    return this.#call(body === undefined ? 'GET' : 'POST', look(id, this.standIn), body, this.headers);
  }

  cancel(id: string): Promise<DocumentedAnswer> {
    const [method = '', path = ''] = (this.calls.cancel?.(id) ?? '').split(' ');
    return this.#call(method, path, undefined, this.headers);
  }

  get headers(): Record<string, string> {
    const filled = Object.entries(this.calls.headers).map(([name, value]) => [
      name,
      value.replace('{KEY}', this.standIn.key),
    ]);
    return Object.fromEntries(filled) as Record<string, string>;
  }

  #call(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<DocumentedAnswer> {
    const url = path.startsWith('http') ? path : this.standIn.url + path;
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return answerOf(
      fetch(url, { method, headers: { ...headers, 'content-type': 'application/json' }, ...sent }),
    );
  }
}

async function answerOf(answer: Promise<Response>): Promise<DocumentedAnswer> {
  const response = await answer;
  const text = await response.text();
  try {
    return { status: response.status, text, json: JSON.parse(text) as unknown };
  } catch {
    return { status: response.status, text, json: undefined };
  }
}
