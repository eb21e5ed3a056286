import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';
import { answerFormatOf } from '../chat/options.js';

/** Where a server refuses tools beside a schema of the answer, the schema stands in the instructions. */
export function withSchemaBesideTools(
  chat: OpenAiChat,
  { tools_with_schema: takesBoth }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (takesBoth || !Array.isArray(chat.tools) || chat.tools.length === 0) return chat;
  if ((chat['response_format'] ?? null) === null) return chat;
  return withSchemaInWords(chat, 'Unless you call a tool, answer', note);
}

/** @param begin how the instruction begins. @throws UnsupportedFieldError for a format that is not known */
export function withSchemaInWords(
  chat: OpenAiChat,
  begin: string,
  note: (change: string) => void,
): OpenAiChat {
  const format = answerFormatOf(chat);
  const { response_format: _, ...rest } = chat;
  if (format === 'text') return rest;
  note('response_format: moved into the instructions');
  const wanted =
    format.schema === null
      ? 'a JSON object'
      : `JSON that matches this JSON schema: ${JSON.stringify(format.schema)}`;
  const content = `${begin} with nothing but ${wanted}`;
  return { ...rest, messages: withInstruction(chat.messages, content) };
}

/** Behind the instructions that are there: the beginning of a prompt may be cached. */
function withInstruction(messages: readonly OpenAiMessage[], content: string): readonly OpenAiMessage[] {
  const first = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  const at = first === -1 ? messages.length : first;
  return messages.toSpliced(at, 0, { role: 'system', content });
}
