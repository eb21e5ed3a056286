import { Controller, Get } from '@nestjs/common';
import { presetView } from './preset-view.js';
import type { PresetListDto } from './presets.dto.js';
import { PRESETS } from './presets.js';

@Controller('api/v1/presets')
export class PresetsController {
  /** The systems that a few words register: `{"preset": name, "model_name", "base_url", "api_key"}`. */
  @Get()
  list(): PresetListDto {
    return { data: Object.entries(PRESETS).map(([name, preset]) => presetView(name, preset)) };
  }
}
