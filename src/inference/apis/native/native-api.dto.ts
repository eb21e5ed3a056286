/** These describe the API only: the hot path reads a chat by hand (parse-chat.ts). */
export class ChatMessageDto {
  /** system, user or assistant. */
  role!: string;
  /** Text, or OpenAI's list of parts. */
  content!: string;
}

/** The seed's chat, with `input`; or an OpenAI chat, with `messages`. */
export class ChatDto {
  /** The prompt. */
  input?: string;
  /** A registered model. May be left out where DEFAULT_MODEL is set. */
  model_name?: string;
  /** The same, as OpenAI calls it. */
  model?: string;
  /** Instead of `input`: the answer is OpenAI's then. */
  messages?: ChatMessageDto[];
  /** 0 to 2. */
  temperature?: number;
  max_tokens?: number;
  /** true: the answer comes in OpenAI's chunks. */
  stream?: boolean;
}

/** The answer to a chat with `input`. */
export class ChatAnswerDto {
  success!: boolean;
  msg!: string;
  /** What the model said. */
  result!: string;
}
