import type { PresetDto, PresetFieldDto } from './presets.dto.js';
import type { Preset } from './preset.js';

/** What a person needs to know to register by this preset. */
export function presetView(name: string, preset: Preset): PresetDto {
  const { title, kind, protocol, source, example } = preset;
  return {
    name,
    title,
    kind,
    protocol,
    source,
    fields: fieldsOf(preset),
    example: { preset: name, ...example },
  };
}

function fieldsOf({ baseUrl, apiKey, apiKeyHint, protocol }: Preset): PresetFieldDto[] {
  const place = baseUrl === undefined ? { required: true } : { required: false, default: baseUrl };
  const hint = apiKeyHint === undefined ? {} : { hint: apiKeyHint };
  return [
    { name: 'model_name', required: true, hint: 'what callers ask for' },
    { name: 'base_url', ...place },
    ...(apiKey === 'none' ? [] : [{ name: 'api_key', required: apiKey === 'required', ...hint }]),
    ...(protocol === 'template'
      ? []
      : [{ name: 'upstream_model', required: false, hint: 'the name there, where it is not model_name' }]),
  ];
}
