type Replacements = readonly (readonly [pattern: RegExp, by: string])[];

/** How an API names the fields of a chat. */
export interface FieldNames {
  /** For the path of a field: what the first pattern that matches finds is replaced. */
  readonly fields: Replacements;
  /** For a text that names fields, of this service or of a server: all are replaced. */
  readonly words: Replacements;
}

/** One message of such an API may be several of a chat, so that an index would name another one. */
const messagesAs = (name: string): readonly [RegExp, string] => [/^messages(?:\[.*)?$/, name];

/** `POST /v1/messages`: https://platform.claude.com/docs/en/api/messages */
export const ANTHROPIC_FIELDS: FieldNames = {
  fields: [
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
  ],
  words: [
    [/\bresponse_format(?:\.json_schema)?\b/g, 'output_config.format'],
    [/\bmax_completion_tokens\b/g, 'max_tokens'],
    [/\bparallel_tool_calls\b/g, 'tool_choice.disable_parallel_tool_use'],
    [/\breasoning_effort\b/g, 'output_config.effort'],
    [/\btool_call_id\b/g, 'tool_use_id'],
    [/\btool_calls\b/g, 'tool_use'],
    [/\bfunction\.parameters\b/g, 'input_schema'],
    [/\btool_choice to "none"/g, 'tool_choice to {"type":"none"}'],
    [/\btool message\b/g, 'tool_result'],
    [/(['"`])stop\1/g, '$1stop_sequences$1'],
  ],
};

/** `POST /v1/responses`: https://platform.openai.com/docs/api-reference/responses/create */
export const RESPONSES_FIELDS: FieldNames = {
  fields: [
    [/^response_format(?:\.json_schema)?/, 'text.format'],
    [/^max(?:_completion)?_tokens$/, 'max_output_tokens'],
    [/^reasoning_effort$/, 'reasoning.effort'],
    [/^tools\[(\d+)\]\.function/, 'tools[$1]'],
    [/^tool_choice\.function/, 'tool_choice'],
    messagesAs('input'),
  ],
  words: [
    [/\bresponse_format(?:\.json_schema)?\b/g, 'text.format'],
    [/\bmax(?:_completion)?_tokens\b/g, 'max_output_tokens'],
    [/\breasoning_effort\b/g, 'reasoning.effort'],
    [/\btool_call_id\b/g, 'call_id'],
    [/\btool_calls\b/g, 'function_call'],
    [/\bfunction\.parameters\b/g, 'parameters'],
    [/\btool message\b/g, 'function_call_output'],
  ],
};

/** `POST /v1/completions`. */
export const COMPLETION_FIELDS: FieldNames = { fields: [messagesAs('prompt')], words: [] };

/** A native call. */
export const NATIVE_FIELDS: FieldNames = { fields: [messagesAs('input')], words: [] };

/** The field by the name that the client has sent. */
export function fieldFor({ fields }: FieldNames, field: string): string {
  const found = fields.find(([pattern]) => pattern.test(field));
  return found === undefined ? field : field.replace(...found);
}

/** A text about the request, with the names that the client has sent. */
export function wordsFor({ words }: FieldNames, text: string): string {
  return words.reduce((each, [pattern, by]) => each.replace(pattern, by), text);
}
