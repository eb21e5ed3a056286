import { ProfileEntryDto } from '../profiles/profile.dto.js';
import type { WorkerProtocol } from '../worker.js';

/** A field of a registration by preset. */
export class PresetFieldDto {
  name!: string;
  required!: boolean;
  /** Used when the field is left out. */
  default?: string;
  hint?: string;
}

export class PresetExampleDto {
  preset!: string;
  model_name!: string;
  base_url?: string;
  api_key?: string;
  upstream_model?: string;
}

/** How a well-known system is registered: with these fields and any other field of a registration, which overrides the preset's. */
export class PresetDto {
  name!: string;
  title!: string;
  kind!: 'text' | 'image' | 'video';
  /** The API that it is called by. */
  protocol!: WorkerProtocol;
  /** Where its requests and answers are documented. */
  source!: string;
  /** The day on which `source` was read, where its shapes change often. */
  read_on?: string;
  /** What `source` does not say: found in code of others, or guessed. */
  unconfirmed?: string[];
  fields!: PresetFieldDto[];
  /** What its server takes beyond its API, or does not take. A registration overrides single entries with `profile`. */
  profile?: ProfileEntryDto[];
  /** A complete registration. */
  example!: PresetExampleDto;
}

export class PresetListDto {
  data!: PresetDto[];
}
