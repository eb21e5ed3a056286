import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';
import { type AnswerFormat, answerFormatOf } from '../chat/options.js';

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

/** Where a server takes no schema, and can be held to JSON: it wants the word, too. @throws UnsupportedFieldError for a format that is not known */
export function withJsonObject(
  chat: OpenAiChat,
  { answer_schemas: rule }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (rule !== 'json_object') return chat;
  const format = answerFormatOf(chat);
  const content = jsonInstruction(format, Array.isArray(chat.tools), () => JSON.stringify(chat.messages));
  if (content === null) return chat;
  note('response_format: json_object, with the schema in the instructions');
  return { ...chat, response_format: JSON_OBJECT, messages: withInstruction(chat.messages, content) };
}

export const JSON_OBJECT = { type: 'json_object' };

/** The instruction for a server that can be held to JSON only; `null`: none is needed. @param text of all messages */
export function jsonInstruction(format: AnswerFormat, hasTools: boolean, text: () => string): string | null {
  if (format === 'text' || (format.schema === null && /json/i.test(text()))) return null;
  return instructionOf(hasTools ? 'Unless you call a tool, answer' : 'Answer', format);
}

function instructionOf(begin: string, { schema }: Exclude<AnswerFormat, 'text'>): string {
  const wanted =
    schema === null ? 'a JSON object' : `JSON that matches this JSON schema: ${JSON.stringify(schema)}`;
  return `${begin} with nothing but ${wanted}`;
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
  return { ...rest, messages: withInstruction(chat.messages, instructionOf(begin, format)) };
}

/** Behind the instructions that are there: the beginning of a prompt may be cached. */
function withInstruction(messages: readonly OpenAiMessage[], content: string): readonly OpenAiMessage[] {
  const first = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  const at = first === -1 ? messages.length : first;
  return messages.toSpliced(at, 0, { role: 'system', content });
}
