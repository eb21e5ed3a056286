import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { NewVideoDto, VideoDto } from './videos/videos-api.dto.js';
import { describeJobs } from './jobs/describe-jobs.js';
import { ChatAnswerDto, ChatDto } from './native/native-api.dto.js';
import {
  ChatCompletionDto,
  EmbeddingListDto,
  EmbeddingsDto,
  ImageListDto,
  ListedModelDto,
  OpenAiModelListDto,
  OpenAiChatDto,
  PromptDto,
  TextCompletionDto,
} from './openai/openai-api.dto.js';
import {
  AnthropicChatDto,
  AnthropicErrorDto,
  AnthropicMessageDto,
  TokenCountDto,
} from './anthropic/anthropic-api.dto.js';

type Model = new () => object;

interface Description {
  readonly summary: string;
  readonly sent: Model;
  readonly answered: Model;
  /** A form is taken, too. */
  readonly form?: true;
}

const PASSED = 'Passed through to workers with protocol "openai".';

/** The hot routes declare nothing: they read bodies by hand, and one method answers many paths. */
const DESCRIPTIONS: Readonly<Record<string, Description>> = {
  '/api/v1/chat/completions': {
    summary: 'A native chat (`input`) or an OpenAI chat (`messages`) with any registered model.',
    sent: ChatDto,
    answered: ChatAnswerDto,
  },
  '/v1/chat/completions': {
    summary: 'An OpenAI chat with any registered model, whole or as a stream.',
    sent: OpenAiChatDto,
    answered: ChatCompletionDto,
  },
  '/v1/completions': {
    summary: 'Completes a text.',
    sent: PromptDto,
    answered: TextCompletionDto,
  },
  '/v1/embeddings': {
    summary: 'Embeddings, by workers with `task: "embedding"`, or with protocol "openai" and no task.',
    sent: EmbeddingsDto,
    answered: EmbeddingListDto,
  },
  '/v1/images/generations': {
    summary: 'Images, by workers with `task: "image"`, or with protocol "openai" and no task.',
    sent: PromptDto,
    answered: ImageListDto,
  },
  '/v1/images/edits': {
    summary:
      'Edits of images (a form: image or several image[], mask, prompt), by workers with `task: "image"`, or with protocol "openai" and no task.',
    sent: PromptDto,
    answered: ImageListDto,
    form: true,
  },
  '/v1/videos': {
    summary: 'Begins a video, from a form or from JSON.',
    sent: NewVideoDto,
    answered: VideoDto,
    form: true,
  },
  '/v1/messages': {
    summary:
      'The Messages API of Anthropic with any registered model that chats, whole or as a stream; passed through to workers with protocol "anthropic".',
    sent: AnthropicChatDto,
    answered: AnthropicMessageDto,
  },
  '/v1/messages/count_tokens': {
    summary: 'The number of tokens that a message takes, for models with a worker of protocol "anthropic".',
    sent: AnthropicChatDto,
    answered: TokenCountDto,
  },
};

export const INFERENCE_MODELS: readonly Model[] = [
  AnthropicErrorDto,
  ListedModelDto,
  OpenAiModelListDto,
  ...Object.values(DESCRIPTIONS).flatMap(({ sent, answered }) => [sent, answered]),
];

export function describeInference(document: OpenAPIObject): void {
  const { paths } = document;
  describeJobs(document);
  for (const [path, { get, post }] of Object.entries(paths)) {
    if (get !== undefined && path.startsWith('/v1/models'))
      get.responses['200'] = {
        description: 'The answer',
        content: json(path === '/v1/models' ? OpenAiModelListDto : ListedModelDto),
      };
    if (post === undefined) continue;
    // One method answers them all, but each needs an operationId.
    if (path.startsWith('/v1/')) post.operationId = path.slice(1).replaceAll('/', '_');
    const described = DESCRIPTIONS[path];
    if (described === undefined) {
      if (path.startsWith('/v1/')) describePassed(path, post);
      continue;
    }
    post.summary = described.summary;
    post.requestBody = {
      required: true,
      content: { ...json(described.sent), ...(described.form ? form(described.sent) : {}) },
    };
    post.responses['200'] = { description: 'The answer', content: json(described.answered) };
    if (path.startsWith('/v1/messages'))
      post.responses['default'] = { description: 'An error', content: json(AnthropicErrorDto) };
  }
}

function describePassed(path: string, post: NonNullable<OpenAPIObject['paths'][string]['post']>): void {
  const anything = { 'application/json': { schema: { type: 'object' } } };
  post.summary = PASSED;
  const isUpload = path.startsWith('/v1/audio/trans') || path === '/v1/images/variations';
  const sent = isUpload ? { 'multipart/form-data': { schema: { type: 'object' } } } : anything;
  post.requestBody = { required: true, content: sent };
  const answered =
    path === '/v1/audio/speech' ? { 'audio/*': { schema: { type: 'string', format: 'binary' } } } : anything;
  post.responses['200'] = { description: 'The answer of the worker, unchanged', content: answered };
}

function form(model: Model) {
  return { 'multipart/form-data': { schema: { $ref: getSchemaPath(model) } } };
}

function json(model: Model) {
  return { 'application/json': { schema: { $ref: getSchemaPath(model) } } };
}
