import { HELD_BACK, NO_GPU } from '../fakes/long-work/task.js';

type Json = Readonly<Record<string, unknown>>;

/** What is requested of a preset's model, and what must come of it. */
export interface Play {
  /** Fields of the request besides model and prompt. */
  readonly request: Json;
  /** The body that the upstream gets: {PROMPT} and {JOB_ID} are of the job. */
  readonly sent: Json;
  /** Where clients get the files: at the upstream's URL, or here. */
  readonly files: 'there' | 'here';
  readonly type: 'image/png' | 'video/mp4';
  /** The upstream's last word. */
  readonly word: string;
  /** Progress is shown while it runs. */
  readonly progress?: true;
  readonly queuePosition?: number;
  /** The vendor's words when a task fails, and when it refuses or turns away a prompt. */
  readonly failed: string;
  readonly refused: string;
  readonly lost?: 'timeout';
  readonly filtered?: { readonly code: string; readonly message: string };
  /** The body with an input image: IMAGE, or the one that the vendor can take. */
  readonly withImage?: Json;
  readonly image?: string;
}

export const IMAGE_BASE64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const IMAGE = `data:image/png;base64,${IMAGE_BASE64}`;

const LINK = 'https://example.com/first.png';
const FILM = { size: '1280x720', seconds: 5 };
const VIDEO = { files: 'there', type: 'video/mp4', failed: NO_GPU } as const;

const graph = (n: number): Json => ({
  '3': {
    class_type: 'KSampler',
    inputs: {
      seed: 7,
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
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd_xl_base_1.0.safetensors' } },
  '5': { class_type: 'EmptyLatentImage', inputs: { width: 96, height: 64, batch_size: n } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: '{PROMPT}', clip: ['4', 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: '', clip: ['4', 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'mmm', images: ['8', 0] } },
});

const runway = { model: 'gen4.5', promptText: '{PROMPT}', ratio: '1280:720', duration: 5 };
const klingSettings = { resolution: '720p', aspect_ratio: '16:9', duration: 5 };
const klingPrompt = { type: 'prompt', text: '{PROMPT}' };
const luma = { model: 'ray-3.2', type: 'video', prompt: '{PROMPT}', aspect_ratio: '16:9' };
const dreamMachine = {
  model: 'ray-2',
  prompt: '{PROMPT}',
  aspect_ratio: '16:9',
  resolution: '1080p',
  duration: '9s',
};
const veo = { aspectRatio: '16:9', durationSeconds: 5, resolution: '720p' };
const wan = { model: 'wan2.5-t2v-preview', parameters: { size: '1280*720', duration: 5, seed: 7 } };
const hailuo = { model: 'MiniMax-H3', resolution: '768P', duration: 5, ratio: '16:9' };
const veoImage = { bytesBase64Encoded: IMAGE_BASE64, mimeType: 'image/png' };
const filteredByPolicy = { code: 'result_missing', message: HELD_BACK };

/** By preset. */
export const PLAYS: Readonly<Record<string, Play>> = {
  'midjourney-proxy': {
    request: { size: '1024x1792' },
    sent: { prompt: '{PROMPT} --ar 9:16', state: '{JOB_ID}' },
    withImage: { prompt: '{PROMPT} --ar 9:16', base64Array: [IMAGE], state: '{JOB_ID}' },
    files: 'there',
    type: 'image/png',
    word: 'SUCCESS',
    progress: true,
    failed: NO_GPU,
    refused: 'may contain sensitive words',
  },
  'runpod-sdxl': {
    request: { size: '96x64', n: 2, seed: 7, negative_prompt: 'dogs' },
    sent: {
      input: { prompt: '{PROMPT}', negative_prompt: 'dogs', width: 96, height: 64, num_images: 2, seed: 7 },
    },
    files: 'here',
    type: 'image/png',
    word: 'COMPLETED',
    failed: NO_GPU,
    refused: 'The prompt was rejected.',
  },
  'ai-horde': {
    request: { size: '128x64', n: 2, steps: 30 },
    sent: {
      prompt: '{PROMPT}',
      params: { width: 128, height: 64, n: 2, steps: 30 },
      models: ['stable_diffusion'],
      r2: true,
    },
    files: 'there',
    type: 'image/png',
    word: 'done=true',
    queuePosition: 3,
    // It has no words for a failure.
    failed: 'faulted',
    refused: 'This prompt appears to violate our terms of service.',
  },
  comfyui: {
    request: { size: '96x64', n: 2, seed: 7 },
    sent: { prompt_id: '{JOB_ID}', prompt: graph(2) },
    files: 'here',
    type: 'image/png',
    word: 'completed',
    failed: NO_GPU,
    refused: 'text: refused by a node',
  },
  'comfyui-before-jobs-api': {
    request: { size: '96x64', seed: 7 },
    sent: { prompt: graph(1) },
    files: 'here',
    type: 'image/png',
    word: 'success',
    failed: NO_GPU,
    refused: 'text: refused by a node',
    // Its history is empty while a task runs, and for tasks it does not know.
    lost: 'timeout',
  },
  replicate: {
    request: { size: '1536x1024', n: 2, seed: 7 },
    sent: { input: { prompt: '{PROMPT}', aspect_ratio: '3:2', num_outputs: 2, seed: 7 } },
    withImage: { input: { prompt: '{PROMPT}', aspect_ratio: '3:2', num_outputs: 2, seed: 7, image: IMAGE } },
    files: 'there',
    type: 'image/png',
    word: 'succeeded',
    failed: NO_GPU,
    refused: '- input.prompt: NSFW content detected',
    filtered: { code: 'result_missing', message: '' },
  },
  fal: {
    request: { size: '96x64', n: 2, seed: 7 },
    sent: { prompt: '{PROMPT}', image_size: { width: 96, height: 64 }, num_images: 2, seed: 7 },
    withImage: {
      prompt: '{PROMPT}',
      image_size: { width: 96, height: 64 },
      num_images: 2,
      seed: 7,
      image_url: IMAGE,
    },
    files: 'there',
    type: 'image/png',
    word: 'COMPLETED',
    queuePosition: 2,
    failed: NO_GPU,
    refused: 'flagged by a content checker',
  },
  bfl: {
    request: { size: '256x192', seed: 7 },
    sent: { prompt: '{PROMPT}', width: 256, height: 192, seed: 7 },
    withImage: { prompt: '{PROMPT}', width: 256, height: 192, seed: 7, input_image: IMAGE_BASE64 },
    files: 'there',
    type: 'image/png',
    word: 'Ready',
    progress: true,
    // Its words are its states.
    failed: 'Error',
    refused: 'The prompt was rejected',
    filtered: { code: 'upstream_failed', message: 'Content Moderated' },
  },
  runway: {
    ...VIDEO,
    request: { ...FILM, seed: 7 },
    sent: { ...runway, seed: 7 },
    word: 'SUCCEEDED',
    progress: true,
    refused: 'Your prompt was rejected by moderation.',
  },
  'runway-image-to-video': {
    ...VIDEO,
    request: { ...FILM, input_reference: IMAGE },
    sent: { ...runway, promptImage: IMAGE },
    word: 'SUCCEEDED',
    progress: true,
    refused: 'Your prompt was rejected by moderation.',
  },
  'openai-videos': {
    ...VIDEO,
    files: 'here',
    request: { ...FILM, num_inference_steps: 40 },
    sent: {
      model: 'Wan-AI/Wan2.2-T2V-A14B-Diffusers',
      prompt: '{PROMPT}',
      seconds: '5',
      size: '1280x720',
      num_inference_steps: '40',
    },
    withImage: {
      model: 'Wan-AI/Wan2.2-T2V-A14B-Diffusers',
      prompt: '{PROMPT}',
      seconds: '5',
      size: '1280x720',
      num_inference_steps: '40',
      input_reference: { type: 'image/png', bytes: Buffer.from(IMAGE_BASE64, 'base64').length },
    },
    word: 'completed',
    progress: true,
    refused: 'Your request was rejected by the safety system.',
  },
  luma: {
    ...VIDEO,
    request: FILM,
    sent: { ...luma, video: { resolution: '720p', duration: '5s' } },
    withImage: {
      ...luma,
      video: {
        resolution: '720p',
        duration: '5s',
        start_frame: { data: IMAGE_BASE64, media_type: 'image/png' },
      },
    },
    word: 'completed',
    refused: 'Prompt violates content guidelines',
  },
  'luma-dream-machine': {
    ...VIDEO,
    request: { size: '1920x1080', seconds: 9 },
    sent: dreamMachine,
    // It takes links only.
    image: LINK,
    withImage: { ...dreamMachine, keyframes: { frame0: { type: 'image', url: LINK } } },
    word: 'completed',
    refused: 'Prompt violates content guidelines',
  },
  veo: {
    ...VIDEO,
    files: 'here',
    request: { ...FILM, negative_prompt: 'dogs' },
    sent: { instances: [{ prompt: '{PROMPT}' }], parameters: { ...veo, negativePrompt: 'dogs' } },
    withImage: {
      instances: [{ prompt: '{PROMPT}', image: veoImage }],
      parameters: { ...veo, negativePrompt: 'dogs' },
    },
    word: 'done=true',
    refused: 'it violates our usage guidelines',
    filtered: filteredByPolicy,
  },
  'veo-vertex': {
    ...VIDEO,
    files: 'here',
    request: { ...FILM, n: 1, seed: 7 },
    sent: { instances: [{ prompt: '{PROMPT}' }], parameters: { ...veo, sampleCount: 1, seed: 7 } },
    withImage: {
      instances: [{ prompt: '{PROMPT}', image: veoImage }],
      parameters: { ...veo, sampleCount: 1, seed: 7 },
    },
    word: 'done=true',
    refused: 'it violates our usage guidelines',
    filtered: filteredByPolicy,
  },
  'dashscope-wan': {
    ...VIDEO,
    request: { ...FILM, seed: 7, negative_prompt: 'dogs' },
    sent: { ...wan, input: { prompt: '{PROMPT}', negative_prompt: 'dogs' } },
    withImage: { ...wan, input: { prompt: '{PROMPT}', negative_prompt: 'dogs', img_url: IMAGE } },
    word: 'SUCCEEDED',
    refused: 'Input data may contain inappropriate content.',
    filtered: { code: 'upstream_failed', message: HELD_BACK },
  },
  kling: {
    ...VIDEO,
    request: FILM,
    sent: { contents: [klingPrompt], settings: klingSettings, options: { external_task_id: '{JOB_ID}' } },
    withImage: {
      contents: [klingPrompt, { type: 'first_frame', url: IMAGE }],
      settings: klingSettings,
      options: { external_task_id: '{JOB_ID}' },
    },
    word: 'succeeded',
    refused: 'trigger strategy: content policy',
  },
  'kling-v1': {
    ...VIDEO,
    request: { ...FILM, negative_prompt: 'dogs' },
    sent: {
      model_name: 'kling-v2-6',
      prompt: '{PROMPT}',
      negative_prompt: 'dogs',
      duration: '5',
      aspect_ratio: '16:9',
      external_task_id: '{JOB_ID}',
    },
    word: 'succeed',
    refused: 'trigger strategy: content policy',
  },
  minimax: {
    ...VIDEO,
    request: { size: '1366x768', seconds: 5 },
    sent: { ...hailuo, content: [{ type: 'text', text: '{PROMPT}' }] },
    withImage: {
      ...hailuo,
      content: [
        { type: 'text', text: '{PROMPT}' },
        { type: 'image_url', image_url: { url: IMAGE }, role: 'first_frame' },
      ],
    },
    word: 'succeeded',
    refused: 'input new_sensitive',
  },
  'minimax-v1': {
    ...VIDEO,
    request: { size: '1366x768', seconds: 6 },
    sent: { model: 'MiniMax-Hailuo-2.3', prompt: '{PROMPT}', duration: 6, resolution: '768P' },
    withImage: {
      model: 'MiniMax-Hailuo-2.3',
      prompt: '{PROMPT}',
      duration: 6,
      resolution: '768P',
      first_frame_image: IMAGE,
    },
    word: 'Success',
    refused: 'video description involves sensitive content',
  },
};
