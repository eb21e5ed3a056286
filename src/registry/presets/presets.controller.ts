import { Controller, Get } from '@nestjs/common';
import type { Preset } from './preset.js';
import { citedEntries } from '../profiles/profile.js';
import type { PresetDto, PresetFieldDto, PresetListDto } from './presets.dto.js';
import { namesOwners, PRESETS } from './presets.js';

@Controller('api/v1/presets')
export class PresetsController {
  /** The systems that a registration can name as its preset: `{"preset": name, "model_name", "base_url", "api_key"}`. */
  @Get()
  list(): PresetListDto {
    return { data: Object.entries(PRESETS).map(([name, preset]) => presetView(name, preset)) };
  }
}

/** What a client needs to know to register by this preset. */
export function presetView(name: string, preset: Preset): PresetDto {
  const { title, kind, protocol, source, readOn, unconfirmed, example } = preset;
  return {
    name,
    title,
    kind,
    protocol,
    source,
    ...(readOn === undefined ? {} : { read_on: readOn }),
    ...(unconfirmed === undefined ? {} : { unconfirmed: [...unconfirmed] }),
    fields: fieldsOf(preset),
    ...(protocol === 'template' ? {} : { profile: citedEntries(protocol, name) }),
    example: { preset: name, ...example },
  };
}

function fieldsOf(preset: Preset): PresetFieldDto[] {
  const { baseUrl, apiKey, apiKeyHint, protocol, example } = preset;
  // A template sends the model's name only if the system wants one.
  const hasModels = protocol !== 'template' || example.upstream_model !== undefined;
  const place = baseUrl === undefined ? { required: true } : { required: false, default: baseUrl };
  const hint = apiKeyHint === undefined ? {} : { hint: apiKeyHint };
  return [
    { name: 'model_name', required: true, hint: 'the name that clients request' },
    { name: 'base_url', ...place },
    ...(apiKey === 'none' ? [] : [{ name: 'api_key', required: apiKey === 'required', ...hint }]),
    ...(hasModels
      ? [
          {
            name: 'upstream_model',
            required: namesOwners(preset),
            hint: namesOwners(preset)
              ? `owner/name of the model, such as ${example.upstream_model}`
              : "the server's name of the model, if it is not model_name",
          },
        ]
      : []),
  ];
}
