/*
 * JSON Schemas of OpenAI's chats and completions as far as this service reads or writes it, for openapi.json: bodies are read by hand, and other
 * fields pass through. In full: https://platform.openai.com/docs/api-reference
 */

export const OPEN = { additionalProperties: true } as const;
export const TEXT = { type: 'string' } as const;
export const COUNT = { type: 'integer', minimum: 0 } as const;
export const refTo = <const Name extends string>(name: Name) => ({
  $ref: `#/components/schemas/${name}` as const,
});
const orNull = <Schema extends object>(schema: Schema) => ({ anyOf: [schema, { type: 'null' }] }) as const;
export const listOf = <Schema extends object>(items: Schema) => ({ type: 'array', items }) as const;
export const textOrList = { anyOf: [TEXT, listOf(TEXT)] } as const;

export const MODEL = {
  type: 'string',
  minLength: 1,
  description: 'A registered model; `/` is allowed in names.',
};
const LIMIT = { type: ['integer', 'null'], minimum: 1 };

const SAMPLING = {
  temperature: { type: ['number', 'null'], minimum: 0, maximum: 2 },
  top_p: { type: ['number', 'null'] },
  max_tokens: LIMIT,
  stop: { anyOf: [...textOrList.anyOf, { type: 'null' }] },
  n: { type: ['integer', 'null'], minimum: 1 },
  seed: { type: ['integer', 'null'] },
  user: { type: ['string', 'null'] },
  stream: {
    type: ['boolean', 'null'],
    description: 'true: the answer is a stream of server-sent events that ends with `[DONE]`.',
  },
  stream_options: orNull({
    type: 'object',
    properties: {
      include_usage: { type: 'boolean', description: 'true: one more chunk at the end has the usage.' },
    },
    ...OPEN,
  }),
};

export const OPENAI_TEXT_SCHEMAS = {
  ContentPart: {
    type: 'object',
    description: 'text, image_url, input_audio or file; other parts reach workers that take them.',
    required: ['type'],
    properties: {
      type: TEXT,
      text: TEXT,
      image_url: {
        type: 'object',
        required: ['url'],
        properties: { url: TEXT, detail: TEXT },
        ...OPEN,
      },
      input_audio: { type: 'object', ...OPEN },
      file: { type: 'object', ...OPEN },
    },
    ...OPEN,
  },
  ToolCall: {
    type: 'object',
    required: ['id', 'type', 'function'],
    properties: {
      id: TEXT,
      type: TEXT,
      function: {
        type: 'object',
        required: ['name', 'arguments'],
        properties: { name: TEXT, arguments: { type: 'string', description: 'JSON, as text.' } },
        ...OPEN,
      },
    },
    ...OPEN,
  },
  Tool: {
    type: 'object',
    required: ['type'],
    properties: {
      type: TEXT,
      function: {
        type: 'object',
        required: ['name'],
        properties: {
          name: TEXT,
          description: TEXT,
          parameters: { type: 'object', description: 'A JSON Schema.', ...OPEN },
          strict: { type: ['boolean', 'null'] },
        },
        ...OPEN,
      },
    },
    ...OPEN,
  },
  ChatMessage: {
    type: 'object',
    required: ['role'],
    properties: {
      role: { enum: ['system', 'developer', 'user', 'assistant', 'tool', 'function'] },
      content: { anyOf: [TEXT, listOf(refTo('ContentPart')), { type: 'null' }] },
      name: TEXT,
      tool_calls: { anyOf: [listOf(refTo('ToolCall')), { type: 'null' }] },
      tool_call_id: { type: 'string', description: 'The id of the call that a tool message answers.' },
    },
    ...OPEN,
  },
  OpenAiChat: {
    type: 'object',
    required: ['model', 'messages'],
    properties: {
      model: MODEL,
      messages: { ...listOf(refTo('ChatMessage')), minItems: 1 },
      ...SAMPLING,
      max_completion_tokens: { ...LIMIT, description: 'The newer name of max_tokens.' },
      tools: { anyOf: [listOf(refTo('Tool')), { type: 'null' }] },
      tool_choice: { anyOf: [TEXT, { type: 'object', ...OPEN }, { type: 'null' }] },
      parallel_tool_calls: { type: ['boolean', 'null'] },
      response_format: orNull({ type: 'object', ...OPEN }),
    },
    ...OPEN,
  },
  CompletionUsage: {
    type: 'object',
    required: ['prompt_tokens', 'completion_tokens', 'total_tokens'],
    properties: { prompt_tokens: COUNT, completion_tokens: COUNT, total_tokens: COUNT },
    ...OPEN,
  },
  ChatCompletion: {
    type: 'object',
    description: 'The answer to a chat. In a stream, chunks that have `delta` in place of `message`.',
    required: ['id', 'object', 'created', 'model', 'choices'],
    properties: {
      id: TEXT,
      object: { const: 'chat.completion' },
      created: COUNT,
      model: TEXT,
      choices: listOf({
        type: 'object',
        required: ['index', 'message', 'finish_reason'],
        properties: {
          index: COUNT,
          message: {
            type: 'object',
            required: ['role', 'content'],
            properties: {
              role: { const: 'assistant' },
              content: { type: ['string', 'null'] },
              refusal: { type: ['string', 'null'] },
              reasoning_content: { type: ['string', 'null'] },
              tool_calls: listOf(refTo('ToolCall')),
            },
            ...OPEN,
          },
          finish_reason: { enum: ['stop', 'length', 'tool_calls', 'content_filter'] },
        },
        ...OPEN,
      }),
      usage: { ...refTo('CompletionUsage'), description: 'If the worker reports it.' },
    },
    ...OPEN,
  },
  TextPrompt: {
    type: 'object',
    required: ['model', 'prompt'],
    properties: {
      model: MODEL,
      prompt: {
        anyOf: [TEXT, listOf({ anyOf: [TEXT, { type: 'integer' }, listOf({ type: 'integer' })] })],
        description:
          'One text. Workers with OpenAI’s /completions also take what it takes: several texts, ids of tokens.',
      },
      ...SAMPLING,
    },
    ...OPEN,
  },
  TextCompletion: {
    type: 'object',
    required: ['id', 'object', 'created', 'model', 'choices'],
    properties: {
      id: TEXT,
      object: { const: 'text_completion' },
      created: COUNT,
      model: TEXT,
      choices: listOf({
        type: 'object',
        required: ['index', 'text', 'finish_reason'],
        properties: {
          index: COUNT,
          text: TEXT,
          finish_reason: { enum: ['stop', 'length', 'content_filter'] },
        },
        ...OPEN,
      }),
      usage: refTo('CompletionUsage'),
    },
    ...OPEN,
  },
};
