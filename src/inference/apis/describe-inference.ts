import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { ANTHROPIC_SCHEMAS } from './anthropic/anthropic-schemas.js';
import { describeJobs } from './jobs/describe-jobs.js';
import { NATIVE_SCHEMAS } from './native/native-schemas.js';
import { OPENAI_SCHEMAS } from './openai/openai-schemas.js';
import { NewVideoDto, VideoDto } from './videos/videos-api.dto.js';

type Model = new () => object;

/** The schemas of the hot routes, which declare nothing: they read bodies by hand, and one method answers many paths. */
export const INFERENCE_SCHEMAS = { ...OPENAI_SCHEMAS, ...ANTHROPIC_SCHEMAS, ...NATIVE_SCHEMAS };

export const INFERENCE_MODELS: readonly Model[] = [NewVideoDto, VideoDto];

type SchemaName = keyof typeof INFERENCE_SCHEMAS;

interface Description {
  readonly summary: string;
  /** The schema of a JSON body. */
  readonly sent?: SchemaName;
  /** The schema of a form. */
  readonly form?: SchemaName;
  readonly answered: readonly SchemaName[];
  /** With `stream: true`. */
  readonly streams?: true;
}

const PASSED = 'Passed through to workers with protocol "openai".';

const DESCRIPTIONS: Readonly<Record<string, Description>> = {
  '/api/v1/chat/completions': {
    summary: 'A native chat (`input`) or an OpenAI chat (`messages`) with any registered model.',
    sent: 'NativeChat',
    answered: ['NativeAnswer', 'ChatCompletion'],
    streams: true,
  },
  '/v1/chat/completions': {
    summary: 'An OpenAI chat with any registered model, whole or as a stream.',
    sent: 'OpenAiChat',
    answered: ['ChatCompletion'],
    streams: true,
  },
  '/v1/completions': {
    summary: 'Completes a text.',
    sent: 'TextPrompt',
    answered: ['TextCompletion'],
    streams: true,
  },
  '/v1/embeddings': {
    summary: 'Embeddings, by workers with `task: "embedding"`, or with protocol "openai" and no task.',
    sent: 'Embeddings',
    answered: ['EmbeddingList'],
  },
  '/v1/images/generations': {
    summary: 'Images, by workers with `task: "image"`, or with protocol "openai" and no task.',
    sent: 'ImagePrompt',
    answered: ['ImageList'],
    streams: true,
  },
  '/v1/images/edits': {
    summary: 'Edits of images, by workers with `task: "image"`, or with protocol "openai" and no task.',
    sent: 'ImagePrompt',
    form: 'ImageForm',
    answered: ['ImageList'],
    streams: true,
  },
  '/v1/images/variations': { summary: PASSED, form: 'ImageForm', answered: ['PassedAnswer'] },
  '/v1/responses': { summary: PASSED, sent: 'Passed', answered: ['PassedAnswer'], streams: true },
  '/v1/audio/speech': { summary: PASSED, sent: 'Passed', answered: [] },
  '/v1/audio/transcriptions': {
    summary: PASSED,
    form: 'AudioForm',
    answered: ['PassedAnswer'],
    streams: true,
  },
  '/v1/audio/translations': { summary: PASSED, form: 'AudioForm', answered: ['PassedAnswer'] },
  '/v1/rerank': { summary: PASSED, sent: 'Passed', answered: ['PassedAnswer'] },
  '/v1/moderations': { summary: PASSED, sent: 'Passed', answered: ['PassedAnswer'] },
  '/v1/messages': {
    summary:
      'The Messages API of Anthropic with any registered model that chats, whole or as a stream; passed through to workers with protocol "anthropic".',
    sent: 'AnthropicChat',
    answered: ['AnthropicMessage'],
    streams: true,
  },
  '/v1/messages/count_tokens': {
    summary: 'The number of tokens that a message takes, for models with a worker of protocol "anthropic".',
    sent: 'AnthropicCount',
    answered: ['TokenCount'],
  },
};

/** Bodies and answers of the hot routes. */
export function describeInference(document: OpenAPIObject): void {
  const { paths } = document;
  for (const [path, { get, post }] of Object.entries(paths)) {
    if (get !== undefined && path.startsWith('/v1/models'))
      get.responses['200'] = {
        description:
          'The answer, in the format of the API: `anthropic-version` selects the list of Anthropic',
        content: json(
          path === '/v1/models'
            ? ['OpenAiModelList', 'AnthropicModelList']
            : ['ListedModel', 'AnthropicModel'],
        ),
      };
    if (path.startsWith(KEPT)) {
      for (const operation of [get, post, paths[path]?.delete])
        if (operation !== undefined)
          operation.responses['200'] = passedAnswer(['PassedAnswer'], operation === get && path === KEPT);
      continue;
    }
    if (post === undefined) continue;
    // One method answers them all, but each needs an operationId.
    if (path.startsWith('/v1/')) post.operationId = path.slice(1).replaceAll('/', '_');
    const described = DESCRIPTIONS[path];
    if (described !== undefined) describe(post, described);
  }
  const explain = paths['/api/v1/models/{name}/explain']?.post;
  if (explain !== undefined) explain.requestBody = { required: true, content: json(['NativeChat']) };
  const video = paths['/v1/videos']?.post;
  if (video !== undefined)
    video.requestBody = {
      required: true,
      content: {
        'application/json': { schema: { $ref: getSchemaPath(NewVideoDto) } },
        'multipart/form-data': { schema: { $ref: getSchemaPath(NewVideoDto) } },
      },
    };
  describeJobs(document);
}

/** Responses that the server of a worker keeps. */
const KEPT = '/v1/responses/{id}';

type Operation = NonNullable<OpenAPIObject['paths'][string]['post']>;

function describe(post: Operation, { summary, sent, form, answered, streams }: Description): void {
  post.summary = summary;
  post.requestBody = {
    required: true,
    content: {
      ...(sent === undefined ? {} : json([sent])),
      ...(form === undefined ? {} : { 'multipart/form-data': { schema: referenceTo(form) } }),
    },
  };
  post.responses['200'] = passedAnswer(answered, streams === true);
}

function passedAnswer(answered: readonly SchemaName[], streams: boolean) {
  return {
    description: 'The answer; of a worker that is passed through, as it wrote it',
    content: {
      ...(answered.length === 0 ? { 'audio/*': { schema: {} } } : json(answered)),
      ...(streams ? { 'text/event-stream': { schema: { type: 'string' } } } : {}),
    },
  } as const;
}

function json(names: readonly SchemaName[]) {
  const [first, ...more] = names.map(referenceTo);
  return {
    'application/json': { schema: more.length === 0 ? (first ?? {}) : { anyOf: [first ?? {}, ...more] } },
  };
}

function referenceTo(name: SchemaName): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}
