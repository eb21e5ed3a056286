import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Max,
  Min,
} from 'class-validator';

export const TOKEN_LIMITS = ['max_tokens', 'max_completion_tokens'] as const;
export const TOOL_NAMES = ['any', 'openai', 'anthropic', 'gemini'] as const;
export const PROPERTY_NAMES = ['any', 'anthropic'] as const;
export const CALL_IDS = ['any', 'anthropic', 'mistral', 'openai', 'none'] as const;
export const STRICT_SCHEMAS = ['any', 'openai'] as const;
export const ANSWER_SCHEMAS = ['any', 'anthropic', 'json_object', 'none'] as const;
export const SAMPLINGS = ['all', 'one', 'without_reasoning', 'none'] as const;
export const STOPS = ['any', 'not_blank', 'none'] as const;
export const IMAGE_FORMATS = ['any', 'url', 'b64_json'] as const;
export const USER_IDS = ['any', 'opaque'] as const;
export const EMBEDDING_METHODS = ['batchEmbedContents', 'predict'] as const;
export const THINKING_CONFIGS = [
  'none',
  'budget',
  'budget_above_0',
  'level',
  'level_from_low',
  'enabled',
  'enabled_or_adaptive',
  'adaptive',
  'as_sent',
] as const;
export const REASONING_HISTORIES = ['none', 'reasoning_content', 'reasoning', 'thinking_blocks'] as const;

/** What a server takes beyond its API, or does not take. Entries that also change passed-through requests say so. */
export class ProfileDto {
  /** The field for the limit of an answer; left out: it may know both. In passed-through chats, too. */
  @IsOptional() @IsIn(TOKEN_LIMITS) token_limit?: (typeof TOKEN_LIMITS)[number];
  /** The largest limit that the model takes, in tokens: a larger one is lowered to it. */
  @IsOptional() @IsInt() @Min(1) @Max(10_000_000) max_output_tokens?: number;
  /** Hints at the top of a request that the server refuses. They are left out of passed-through requests, too. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  rejects?: string[];
  /** Fields of messages that the server refuses. They are left out of passed-through requests, too. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  message_rejects?: string[];
  /** Fields at the top of a request that the model refuses. They are left out of translated requests only. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  translated_without?: string[];
  /** Whose rule the names of tools follow: others are renamed, and named back in answers. */
  @IsOptional() @IsIn(TOOL_NAMES) tool_names?: (typeof TOOL_NAMES)[number];
  /** Whose rule the names of a tool's parameters follow. */
  @IsOptional() @IsIn(PROPERTY_NAMES) property_names?: (typeof PROPERTY_NAMES)[number];
  /** Whose rule the ids of tool calls follow; none: calls have no ids. */
  @IsOptional() @IsIn(CALL_IDS) call_ids?: (typeof CALL_IDS)[number];
  /** openai: a schema is strict only if each of its objects is closed and requires all its properties. */
  @IsOptional() @IsIn(STRICT_SCHEMAS) strict_schemas?: (typeof STRICT_SCHEMAS)[number];
  /**
   * What the schema of an answer may hold; none: the model takes no schema; json_object: none, but it can be held to JSON. Then the schema
   * stands in words, in passed-through chats, too.
   */
  @IsOptional() @IsIn(ANSWER_SCHEMAS) answer_schemas?: (typeof ANSWER_SCHEMAS)[number];
  /** Whether tools and a schema of the answer may stand in one request. */
  @IsOptional() @IsBoolean() tools_with_schema?: boolean;
  /** Whether a chat with calls of tools must define tools: those that were called are added where it has none. */
  @IsOptional() @IsBoolean() calls_need_tools?: boolean;
  /** Which of temperature and top_p it takes; without_reasoning: both where the request has no reasoning effort. In passed-through requests, too. */
  @IsOptional() @IsIn(SAMPLINGS) sampling?: (typeof SAMPLINGS)[number];
  /** Which stop sequences it takes: the text is cut here at the others. */
  @IsOptional() @IsIn(STOPS) stop?: (typeof STOPS)[number];
  /** The most stop sequences of a request: the text is cut here at the others. */
  @IsOptional() @IsInt() @Min(1) @Max(1000) most_stops?: number;
  /** opaque: an id of an end user holds no name, mail address or phone number. */
  @IsOptional() @IsIn(USER_IDS) user_ids?: (typeof USER_IDS)[number];
  /**
   * The field in which reasoning of earlier turns is given back; thinking_blocks: as Anthropic signed it. Calls of tools without it
   * get an empty one, in passed-through chats, too.
   */
  @IsOptional() @IsIn(REASONING_HISTORIES) reasoning_history?: (typeof REASONING_HISTORIES)[number];
  /** Whether it knows the role `developer`, which is sent as `system` otherwise. In passed-through chats, too. */
  @IsOptional() @IsBoolean() developer_role?: boolean;
  /** Whether the user may come directly after results of tools; otherwise a turn of the assistant is added. In passed-through chats, too. */
  @IsOptional() @IsBoolean() user_after_results?: boolean;
  /**
   * Whether instructions may come after the assistant or results of tools, and at the end of a chat; otherwise they are sent as the user's.
   * In passed-through chats, too.
   */
  @IsOptional() @IsBoolean() late_instructions?: boolean;
  /**
   * Whether a chat that ends with the assistant must say so with `prefix: true` there. The server repeats that text, which is cut from translated
   * answers. In passed-through chats, too.
   */
  @IsOptional() @IsBoolean() prefill_flag?: boolean;
  /** Whether a chat may end with the assistant, whose text the answer continues. */
  @IsOptional() @IsBoolean() prefill?: boolean;
  /** Whether a schema may hold anyOf beside other keys. */
  @IsOptional() @IsBoolean() any_of_beside_keys?: boolean;
  /** How thinking is set: of Gemini by a budget (0: none) or a level, of Claude by its kinds; none: the model takes no field. */
  @IsOptional() @IsIn(THINKING_CONFIGS) thinking_config?: (typeof THINKING_CONFIGS)[number];
  /** Whether earlier calls of tools must have a thought signature. */
  @IsOptional() @IsBoolean() call_signatures?: boolean;
  /** The most texts in one call for embeddings: more are sent in several calls. */
  @IsOptional() @IsInt() @Min(1) @Max(100_000) embedding_batch?: number;
  /** The method for embeddings of Gemini's API. */
  @IsOptional() @IsIn(EMBEDDING_METHODS) embedding_method?: (typeof EMBEDDING_METHODS)[number];
  /** Whether the server has /v1/responses: true, they are passed through; false, translated. Left out: what can be translated is. */
  @IsOptional() @IsBoolean() responses?: boolean;
  /** How it gives images, where it knows no `response_format`; any: as a request wants it. */
  @IsOptional() @IsIn(IMAGE_FORMATS) image_format?: (typeof IMAGE_FORMATS)[number];
  /** Whether the server has /v1/completions: without it they are translated. */
  @IsOptional() @IsBoolean() completions?: boolean;
}

/** As a registration sends it: the preset's name stands for its vendor's entries, and single entries override them. */
export class WorkerProfileDto extends ProfileDto {
  /** The vendor whose entries apply: the name of a preset. */
  @IsOptional() @IsString() @Length(1, 50) vendor?: string;
}

/** What a worker's server takes; null where it is not known. */
export type Profile = Required<Omit<ProfileDto, 'token_limit' | 'max_output_tokens' | 'responses'>> & {
  readonly token_limit: (typeof TOKEN_LIMITS)[number] | null;
  readonly max_output_tokens: number | null;
  readonly responses: boolean | null;
};

/** One entry of a vendor's profile. */
export class ProfileEntryDto {
  entry!: string;
  @ApiProperty({
    oneOf: [
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'array', items: { type: 'string' } },
    ],
  })
  value!: string | number | boolean | readonly string[] | null;
  /** The document that says so. */
  source!: string;
  /** A regular expression: the entry applies to models with such a name. Left out: to all. */
  models?: string;
}
