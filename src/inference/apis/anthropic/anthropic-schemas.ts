/*
 * JSON Schemas of Anthropic's API as far as this service reads or writes it, for openapi.json: bodies are read by hand. In full:
 * https://platform.claude.com/docs/en/api/messages
 */

const OPEN = { additionalProperties: true } as const;
const TEXT = { type: 'string' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;
const BLOCKS = { type: 'array', items: { $ref: '#/components/schemas/ContentBlock' } } as const;
const TEXT_OR_BLOCKS = { anyOf: [TEXT, BLOCKS] } as const;

const FIELDS = {
  model: { type: 'string', minLength: 1, description: 'A registered model.' },
  messages: {
    type: 'array',
    minItems: 1,
    items: {
      type: 'object',
      required: ['role', 'content'],
      properties: { role: { enum: ['user', 'assistant', 'system'] }, content: TEXT_OR_BLOCKS },
      ...OPEN,
    },
  },
  system: TEXT_OR_BLOCKS,
  tools: {
    type: 'array',
    items: {
      type: 'object',
      required: ['name'],
      properties: {
        type: { type: ['string', 'null'] },
        name: TEXT,
        description: TEXT,
        input_schema: { type: 'object', ...OPEN },
      },
      ...OPEN,
    },
  },
  tool_choice: { type: 'object', required: ['type'], properties: { type: TEXT, name: TEXT }, ...OPEN },
  thinking: { type: 'object', ...OPEN },
};

export const ANTHROPIC_SCHEMAS = {
  ContentBlock: {
    type: 'object',
    description:
      'text, image, document, thinking, tool_use or tool_result; others reach workers that take them.',
    required: ['type'],
    properties: { type: TEXT, text: TEXT },
    ...OPEN,
  },
  AnthropicChat: {
    type: 'object',
    required: ['model', 'max_tokens', 'messages'],
    properties: {
      ...FIELDS,
      max_tokens: { type: 'integer', minimum: 1 },
      temperature: { type: 'number', minimum: 0, maximum: 1 },
      top_p: { type: 'number' },
      top_k: { type: 'integer' },
      stop_sequences: { type: 'array', items: TEXT },
      stream: { type: 'boolean' },
      metadata: { type: 'object', ...OPEN },
    },
    ...OPEN,
  },
  AnthropicCount: { type: 'object', required: ['model', 'messages'], properties: FIELDS, ...OPEN },
  AnthropicMessage: {
    type: 'object',
    required: ['id', 'type', 'role', 'model', 'content', 'stop_reason', 'stop_sequence', 'usage'],
    properties: {
      id: TEXT,
      type: { const: 'message' },
      role: { const: 'assistant' },
      model: TEXT,
      content: BLOCKS,
      stop_reason: { type: ['string', 'null'] },
      stop_sequence: { type: ['string', 'null'] },
      usage: {
        type: 'object',
        required: ['input_tokens', 'output_tokens'],
        properties: { input_tokens: COUNT, output_tokens: COUNT },
        ...OPEN,
      },
    },
    ...OPEN,
  },
  TokenCount: {
    type: 'object',
    required: ['input_tokens'],
    properties: { input_tokens: COUNT },
    ...OPEN,
  },
  AnthropicModel: {
    type: 'object',
    required: ['type', 'id', 'display_name', 'created_at'],
    properties: {
      type: { const: 'model' },
      id: TEXT,
      display_name: TEXT,
      created_at: { type: 'string', format: 'date-time' },
    },
    ...OPEN,
  },
  AnthropicModelList: {
    type: 'object',
    required: ['data', 'has_more', 'first_id', 'last_id'],
    properties: {
      data: { type: 'array', items: { $ref: '#/components/schemas/AnthropicModel' } },
      has_more: { type: 'boolean' },
      first_id: { type: ['string', 'null'] },
      last_id: { type: ['string', 'null'] },
    },
  },
  AnthropicError: {
    type: 'object',
    required: ['type', 'error', 'request_id'],
    properties: {
      type: { const: 'error' },
      error: {
        type: 'object',
        required: ['type', 'message'],
        properties: { type: TEXT, message: TEXT },
        ...OPEN,
      },
      request_id: { type: ['string', 'null'] },
    },
    ...OPEN,
  },
};
