import { describe, expect, it } from 'vitest';
import {
  ANTHROPIC_FIELDS,
  COMPLETION_FIELDS,
  fieldFor,
  NATIVE_FIELDS,
  RESPONSES_FIELDS,
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
