/** How an API names the fields of a chat: what matches the pattern is replaced. The first that matches counts. */
export type FieldNames = readonly (readonly [pattern: RegExp, name: string])[];

/** One message of such an API may be several of a chat, so that an index would name another one. */
const messagesAs = (name: string): readonly [RegExp, string] => [/^messages(?:\[.*)?$/, name];

/** `POST /v1/messages`: https://platform.claude.com/docs/en/api/messages */
export const ANTHROPIC_FIELDS: FieldNames = [
  [/^response_format(?:\.json_schema)?/, 'output_config.format'],
  [/^stop(?=$|\[)/, 'stop_sequences'],
  [/^max_completion_tokens$/, 'max_tokens'],
  [/^user$/, 'metadata.user_id'],
  [/^parallel_tool_calls$/, 'tool_choice.disable_parallel_tool_use'],
  [/^reasoning_effort$/, 'output_config.effort'],
  [/^tools\[(\d+)\]\.function\.parameters/, 'tools[$1].input_schema'],
  [/^tools\[(\d+)\]\.function/, 'tools[$1]'],
  [/^tool_choice\.function/, 'tool_choice'],
  messagesAs('messages'),
];

/** `POST /v1/responses`: https://platform.openai.com/docs/api-reference/responses/create */
export const RESPONSES_FIELDS: FieldNames = [
  [/^response_format(?:\.json_schema)?/, 'text.format'],
  [/^max(?:_completion)?_tokens$/, 'max_output_tokens'],
  [/^reasoning_effort$/, 'reasoning.effort'],
  [/^tools\[(\d+)\]\.function/, 'tools[$1]'],
  [/^tool_choice\.function/, 'tool_choice'],
  messagesAs('input'),
];

/** `POST /v1/completions`. */
export const COMPLETION_FIELDS: FieldNames = [messagesAs('prompt')];

/** A native call. */
export const NATIVE_FIELDS: FieldNames = [messagesAs('input')];

/** The field by the name that the client has sent. */
export function fieldFor(names: FieldNames, field: string): string {
  const found = names.find(([pattern]) => pattern.test(field));
  return found === undefined ? field : field.replace(...found);
}
