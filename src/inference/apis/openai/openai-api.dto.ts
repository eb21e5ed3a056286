/*
 * These DTOs only describe hot routes (describe-inference.ts): bodies are read by hand, and other fields pass through.
 * In full: https://platform.openai.com/docs/api-reference
 */

export class OpenAiMessageDto {
  /** system, developer, user, assistant or tool. */
  role!: string;
  /** Text, or a list of parts: text, image_url, input_audio, file. */
  content?: string;
  /** Tool calls of an assistant: `[{"id", "type": "function", "function": {"name", "arguments"}}]`. */
  tool_calls?: object[];
  /** The id of the call that a tool message answers. */
  tool_call_id?: string;
}

export class StreamOptionsDto {
  /** true: one more chunk at the end has the usage. */
  include_usage?: boolean;
}

export class OpenAiChatDto {
  /** A registered model; `/` is allowed in names. */
  model!: string;
  messages!: OpenAiMessageDto[];
  /** 0 to 2. */
  temperature?: number;
  max_tokens?: number;
  /** The newer name of max_tokens. */
  max_completion_tokens?: number;
  /** true: the answer is a stream of server-sent events that ends with `[DONE]`. */
  stream?: boolean;
  stream_options?: StreamOptionsDto;
  /** `[{"type": "function", "function": {"name", "description", "parameters"}}]`. */
  tools?: object[];
}

export class CompletionUsageDto {
  prompt_tokens!: number;
  completion_tokens!: number;
  total_tokens!: number;
}

export class ChatChoiceDto {
  index!: number;
  message!: OpenAiMessageDto;
  /** stop, length, tool_calls or content_filter. */
  finish_reason!: string;
}

export class ChatCompletionDto {
  id!: string;
  /** chat.completion; in a stream chat.completion.chunk, whose choices have `delta` instead of `message`. */
  object!: string;
  created!: number;
  model!: string;
  choices!: ChatChoiceDto[];
  /** If the worker reports it. */
  usage?: CompletionUsageDto;
}

export class EmbeddingsDto {
  model!: string;
  /** One text, or a list of texts. */
  input!: string;
  /** float or base64. */
  encoding_format?: string;
}

export class EmbeddingDto {
  object!: string;
  index!: number;
  embedding!: number[];
}

export class EmbeddingListDto {
  object!: string;
  data!: EmbeddingDto[];
  model!: string;
  usage!: CompletionUsageDto;
}

export class PromptDto {
  model!: string;
  prompt!: string;
}

export class TextChoiceDto {
  index!: number;
  text!: string;
  finish_reason!: string;
}

export class TextCompletionDto {
  id!: string;
  /** text_completion */
  object!: string;
  created!: number;
  model!: string;
  choices!: TextChoiceDto[];
  usage?: CompletionUsageDto;
}

export class ImageDto {
  url?: string;
  b64_json?: string;
}

export class ImageListDto {
  created!: number;
  data!: ImageDto[];
}

export class ListedModelDto {
  id!: string;
  /** model */
  object!: string;
  created!: number;
  owned_by!: string;
}

export class OpenAiModelListDto {
  /** list */
  object!: string;
  data!: ListedModelDto[];
}
