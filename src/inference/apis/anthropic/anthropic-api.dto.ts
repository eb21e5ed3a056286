import { OpenAiMessageDto } from '../openai/openai-api.dto.js';

/* These DTOs only describe hot routes (describe-inference.ts): bodies are read by hand. */

export class AnthropicChatDto {
  model!: string;
  max_tokens!: number;
  /** Roles user and assistant; content is text or a list of blocks. */
  messages!: OpenAiMessageDto[];
  system?: string;
  stream?: boolean;
  /** `[{"name", "description", "input_schema"}]`. */
  tools?: object[];
}

export class AnthropicMessageDto {
  id!: string;
  type!: string;
  role!: string;
  model!: string;
  /** Blocks: text, thinking, tool_use. */
  content!: object[];
  /** end_turn, max_tokens, tool_use or refusal. */
  stop_reason!: string;
}

export class TokenCountDto {
  input_tokens!: number;
}
/** An error in Anthropic's envelope. */

export class AnthropicErrorDto {
  type!: string;
  /** `{"type", "message"}`. */
  error!: object;
  request_id!: string;
}
