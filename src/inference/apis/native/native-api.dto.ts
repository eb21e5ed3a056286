/* These DTOs only describe hot routes (describe-inference.ts): bodies are read by hand (chat/parse-chat.ts). */

export class ChatMessageDto {
  /** system, user or assistant. */
  role!: string;
  /** Text, or a list of parts in the OpenAI format. */
  content!: string;
}

/** A native chat, with `input`; or an OpenAI chat, with `messages`. */
export class ChatDto {
  /** The prompt. */
  input?: string;
  /** A registered model; optional if DEFAULT_MODEL is set. */
  model_name?: string;
  /** The same, by OpenAI's name. */
  model?: string;
  /** Instead of `input`: the answer is in the OpenAI format then. */
  messages?: ChatMessageDto[];
  /** 0 to 2. */
  temperature?: number;
  max_tokens?: number;
  /** true: the answer is a stream of chunks in the OpenAI format. */
  stream?: boolean;
}

/** The answer to a chat with `input`. */
export class ChatAnswerDto {
  success!: boolean;
  msg!: string;
  /** The answer of the model. */
  result!: string;
}
