import { aiHorde } from './ai-horde.js';
import { bfl } from './bfl.js';
import { comfyUi, comfyUiBeforeJobsApi } from './comfyui.js';
import { dashScope } from './dashscope.js';
import { fal } from './fal.js';
import { kling, klingV1 } from './kling.js';
import { luma, lumaDreamMachine } from './luma.js';
import { midjourney } from './midjourney.js';
import { miniMax, miniMaxV1 } from './minimax.js';
import { openAiVideos } from './openai-videos.js';
import { replicate } from './replicate.js';
import { runpod } from './runpod.js';
import { runway } from './runway.js';
import type { Vendor } from './vendor.js';
import { veo, veoVertex } from './veo.js';

/** The vendor of each preset for long work, by the preset's name. */
export const VENDORS: Readonly<Record<string, Vendor>> = {
  'midjourney-proxy': midjourney,
  runway,
  'runway-image-to-video': runway,
  comfyui: comfyUi,
  'comfyui-before-jobs-api': comfyUiBeforeJobsApi,
  'runpod-sdxl': runpod,
  'ai-horde': aiHorde,
  'openai-videos': openAiVideos,
  replicate,
  fal,
  kling,
  'kling-v1': klingV1,
  luma,
  'luma-dream-machine': lumaDreamMachine,
  veo,
  'veo-vertex': veoVertex,
  'dashscope-wan': dashScope,
  minimax: miniMax,
  'minimax-v1': miniMaxV1,
  bfl,
};
