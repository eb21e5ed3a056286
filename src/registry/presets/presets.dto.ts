/** A field of a registration by preset. */
export class PresetFieldDto {
  name!: string;
  required!: boolean;
  /** What holds where it is left out. */
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

/** How a well-known system is registered: by these fields, and any other of a registration, which then wins. */
export class PresetDto {
  name!: string;
  title!: string;
  kind!: 'text' | 'image' | 'video';
  /** How it is spoken to. */
  protocol!: 'template' | 'openai' | 'anthropic' | 'gemini';
  /** Where its shapes are documented. */
  source!: string;
  fields!: PresetFieldDto[];
  /** A registration as it stands. */
  example!: PresetExampleDto;
}

export class PresetListDto {
  data!: PresetDto[];
}
