/* JSON Schemas of the native API, for openapi.json: bodies are read by hand (chat/parse-chat.ts), other fields are ignored. */
export const NATIVE_SCHEMAS = {
  NativeChat: {
    type: 'object',
    description:
      'A native chat, with `input`; or an OpenAI chat, with `messages`, which is answered in OpenAI’s format.',
    properties: {
      input: { type: 'string', description: 'The prompt.' },
      model_name: {
        type: 'string',
        minLength: 1,
        maxLength: 200,
        description: 'A registered model; optional if DEFAULT_MODEL is set.',
      },
      model: { type: 'string', minLength: 1, maxLength: 200, description: 'The same, beside messages.' },
      messages: { type: 'array', minItems: 1, items: { $ref: '#/components/schemas/ChatMessage' } },
      temperature: { type: ['number', 'null'], minimum: 0, maximum: 2 },
      max_tokens: { type: ['integer', 'null'], minimum: 1 },
      stream: {
        type: ['boolean', 'null'],
        description: 'true: the answer is a stream of chunks in the OpenAI format.',
      },
    },
    additionalProperties: true,
  },
  NativeAnswer: {
    type: 'object',
    description: 'The answer to a chat with `input`.',
    required: ['success', 'msg', 'result'],
    properties: {
      success: { type: 'boolean' },
      msg: { type: 'string' },
      result: { type: 'string', description: 'The answer of the model.' },
    },
  },
};
