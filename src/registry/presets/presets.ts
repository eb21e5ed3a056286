import { MEDIA_PRESETS } from './media-presets.js';
import { OPENAI_PRESETS } from './openai-presets.js';
import { OTHER_API_PRESETS } from './other-api-presets.js';
import type { Preset } from './preset.js';
import { TEXT_PRESETS } from './text-presets.js';

/** By the name a registration gives as `preset`. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  ...OPENAI_PRESETS,
  ...OTHER_API_PRESETS,
  ...TEXT_PRESETS,
  ...MEDIA_PRESETS,
};

export function presetOf(name: unknown): Preset | undefined {
  return typeof name === 'string' && Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
}
