import { describe, expect, it } from 'vitest';
import {
  ANTHROPIC_FIELDS,
  COMPLETION_FIELDS,
  fieldFor,
  NATIVE_FIELDS,
  RESPONSES_FIELDS,
  wordsFor,
} from './field-names.js';

describe('A field of a chat', () => {
  it.each([
    ['response_format', 'output_config.format'],
    ['response_format.type', 'output_config.format.type'],
    ['response_format.json_schema.schema', 'output_config.format.schema'],
    ['stop', 'stop_sequences'],
    ['stop[1]', 'stop_sequences[1]'],
    ['max_completion_tokens', 'max_tokens'],
    ['max_tokens', 'max_tokens'],
    ['user', 'metadata.user_id'],
    ['parallel_tool_calls', 'tool_choice.disable_parallel_tool_use'],
    ['tools[2].function.name', 'tools[2].name'],
    ['tools[2].function.parameters.properties', 'tools[2].input_schema.properties'],
    ['tool_choice.function.name', 'tool_choice.name'],
    ['tool_choice', 'tool_choice'],
    ['messages[3].content[0].image_url.url', 'messages'],
    ['temperature', 'temperature'],
  ])('named %s is named %s for a client of Anthropic', (field, name) => {
    expect(fieldFor(ANTHROPIC_FIELDS, field)).toBe(name);
  });

  it.each([
    ['response_format.json_schema.schema', 'text.format.schema'],
    ['max_completion_tokens', 'max_output_tokens'],
    ['max_tokens', 'max_output_tokens'],
    ['reasoning_effort', 'reasoning.effort'],
    ['tools[2].function.name', 'tools[2].name'],
    ['messages[3].content', 'input'],
  ])('named %s is named %s for a client of responses', (field, name) => {
    expect(fieldFor(RESPONSES_FIELDS, field)).toBe(name);
  });

  it('is the prompt of a completion, and the input of a native call', () => {
    expect(fieldFor(COMPLETION_FIELDS, 'messages[0].content')).toBe('prompt');
    expect(fieldFor(NATIVE_FIELDS, 'messages')).toBe('input');
  });
});

describe('A text about the fields of a chat', () => {
  it.each([
    ["Unsupported parameter: 'max_completion_tokens'", "Unsupported parameter: 'max_tokens'"],
    ["'response_format' of type 'json_schema'", "'output_config.format' of type 'json_schema'"],
    ["Unsupported parameter: 'stop' is", "Unsupported parameter: 'stop_sequences' is"],
    ['stop, and do not stop', 'stop, and do not stop'],
    ['messages[1].tool_calls[0]: no tool_call_id', 'messages[1].tool_use[0]: no tool_use_id'],
    ['tools[0].function.parameters: no object', 'tools[0].input_schema: no object'],
    ['or set tool_choice to "none"', 'or set tool_choice to {"type":"none"}'],
    ['my_response_formatter', 'my_response_formatter'],
  ])('has the names of Anthropic for its client: %s', (text, words) => {
    expect(wordsFor(ANTHROPIC_FIELDS, text)).toBe(words);
  });

  it.each([
    ["'max_tokens' or 'max_completion_tokens'", "'max_output_tokens' or 'max_output_tokens'"],
    ["'response_format'", "'text.format'"],
    ["'reasoning_effort' must", "'reasoning.effort' must"],
  ])('has the names of responses for their client: %s', (text, words) => {
    expect(wordsFor(RESPONSES_FIELDS, text)).toBe(words);
  });

  it('stays as it is for clients of chats', () => {
    expect(wordsFor(NATIVE_FIELDS, "'response_format'")).toBe("'response_format'");
  });
});
