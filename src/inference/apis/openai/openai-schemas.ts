import { COUNT, listOf, MODEL, OPEN, OPENAI_TEXT_SCHEMAS, refTo, TEXT, textOrList } from './text-schemas.js';

/* JSON Schemas of the rest of OpenAI's API, for openapi.json: see text-schemas.ts. */

const FILE = { type: 'string', contentMediaType: 'application/octet-stream' };

const IMAGE_FIELDS = {
  model: MODEL,
  n: { type: ['integer', 'null'], minimum: 1 },
  size: { type: ['string', 'null'], description: '`WIDTHxHEIGHT`, such as 1024x1024.' },
  quality: { type: ['string', 'null'] },
  response_format: { enum: ['url', 'b64_json', null] },
  negative_prompt: { type: ['string', 'null'] },
  seed: { type: ['integer', 'null'] },
  user: { type: ['string', 'null'] },
};

export const OPENAI_SCHEMAS = {
  ...OPENAI_TEXT_SCHEMAS,
  Embeddings: {
    type: 'object',
    required: ['model', 'input'],
    properties: {
      model: MODEL,
      input: {
        anyOf: [TEXT, listOf({ anyOf: [TEXT, { type: 'integer' }, listOf({ type: 'integer' })] })],
        description:
          'One text or a list of texts. Workers with OpenAI’s /embeddings take ids of tokens, too.',
      },
      encoding_format: { enum: ['float', 'base64', null] },
      dimensions: { type: ['integer', 'null'], minimum: 1 },
      user: { type: ['string', 'null'] },
    },
    ...OPEN,
  },
  EmbeddingList: {
    type: 'object',
    required: ['object', 'data', 'model', 'usage'],
    properties: {
      object: { const: 'list' },
      data: listOf({
        type: 'object',
        required: ['object', 'index', 'embedding'],
        properties: {
          object: { const: 'embedding' },
          index: COUNT,
          embedding: {
            anyOf: [listOf({ type: 'number' }), TEXT],
            description: 'With encoding_format base64: 32-bit floats, little-endian, as text.',
          },
        },
        ...OPEN,
      }),
      model: TEXT,
      usage: {
        type: 'object',
        required: ['prompt_tokens', 'total_tokens'],
        properties: { prompt_tokens: COUNT, total_tokens: COUNT },
        ...OPEN,
      },
    },
    ...OPEN,
  },
  ImagePrompt: {
    type: 'object',
    required: ['model', 'prompt'],
    properties: { prompt: TEXT, ...IMAGE_FIELDS, image: textOrList, images: listOf(TEXT), mask: TEXT },
    ...OPEN,
  },
  ImageForm: {
    type: 'object',
    required: ['model'],
    properties: {
      prompt: TEXT,
      ...IMAGE_FIELDS,
      image: { anyOf: [FILE, listOf(FILE)] },
      'image[]': listOf(FILE),
      mask: FILE,
    },
    ...OPEN,
  },
  ImageList: {
    type: 'object',
    required: ['created', 'data'],
    properties: {
      created: COUNT,
      data: listOf({ type: 'object', properties: { url: TEXT, b64_json: TEXT }, ...OPEN }),
    },
    ...OPEN,
  },
  ListedModel: {
    type: 'object',
    required: ['id', 'object', 'created', 'owned_by'],
    properties: { id: TEXT, object: { const: 'model' }, created: COUNT, owned_by: TEXT },
  },
  OpenAiModelList: {
    type: 'object',
    required: ['object', 'data'],
    properties: { object: { const: 'list' }, data: listOf(refTo('ListedModel')) },
  },
  AudioForm: {
    type: 'object',
    required: ['model', 'file'],
    properties: { model: MODEL, file: FILE, language: TEXT, prompt: TEXT, response_format: TEXT },
    ...OPEN,
  },
  Passed: {
    type: 'object',
    description: "Any field of OpenAI's API: the worker reads them.",
    required: ['model'],
    properties: { model: MODEL },
    ...OPEN,
  },
  PassedAnswer: { type: 'object', description: 'As the worker wrote it.', ...OPEN },
};
