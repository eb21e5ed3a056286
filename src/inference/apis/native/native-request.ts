import type { Fields } from '../../../input/json.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { type Chat, isOpenAiChat, parseNativeChat, parseOpenAiChat } from '../../chat/parse-chat.js';
import type { RequestInput } from '../../client/inference-request.js';
import { readJobInput } from '../jobs/read-job-input.js';

/** A body of the native API, read. */
interface NativeRequest {
  readonly chat: Chat;
  /** An OpenAI chat (`messages`), not a native call (`input`). */
  readonly isOpenAi: boolean;
  readonly content: RequestInput;
}

/**
 * Reads a native call (`input`) or an OpenAI chat (`messages`).
 * @param defaultModel of a body that names none; `null`: it must
 * @throws InvalidInputError with every fault
 */
export function readNativeBody(body: unknown, defaultModel: string | null): NativeRequest {
  const isOpenAi = isOpenAiChat(body);
  const chat = isOpenAi ? parseOpenAiChat(body, defaultModel) : parseNativeChat(body, defaultModel);
  const fields = body as Fields;
  const content: RequestInput = {
    model: chat.model,
    task: isOpenAi ? 'chat' : null,
    stream: chat.stream,
    input: () => chat,
    media: () => readJobInput(fields),
    openAi: () => (isOpenAi ? withoutNativeFields(body as OpenAiChat) : asOpenAiChat(chat)),
    raw: null,
    chatStart: () => ({ ...fields, messages: chat.messages }),
    serviceTier: fields['service_tier'],
  };
  return { chat, isOpenAi, content };
}

/** Strict servers reject unknown fields. */
function withoutNativeFields(body: OpenAiChat): OpenAiChat {
  const { model_name: _name, input: _input, ...chat } = body;
  return chat;
}

function asOpenAiChat({ model, messages, temperature, maxTokens }: Chat): OpenAiChat {
  return {
    model,
    messages: messages as OpenAiChat['messages'],
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
  };
}
