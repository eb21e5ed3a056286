import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
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
}

const PASSED = 'For workers that speak OpenAI’s API themselves: passed on as it came.';

/** What the hot path does not declare: it reads bodies by hand, and one method answers many paths. */
const DESCRIPTIONS: Readonly<Record<string, Description>> = {
  '/api/v1/chat/completions': {
    summary: 'The seed’s chat (`input`), and OpenAI’s (`messages`), of any registered model.',
    sent: ChatDto,
    answered: ChatAnswerDto,
  },
  '/v1/chat/completions': {
    summary: 'OpenAI’s chat with any registered model, whichever API its workers speak; streams too.',
    sent: OpenAiChatDto,
    answered: ChatCompletionDto,
  },
  '/v1/completions': {
    summary: 'OpenAI’s older endpoint: a text to complete.',
    sent: PromptDto,
    answered: TextCompletionDto,
  },
  '/v1/embeddings': {
    summary: 'Embeddings, of workers registered with `task: "embedding"`.',
    sent: EmbeddingsDto,
    answered: EmbeddingListDto,
  },
  '/v1/images/generations': {
    summary: 'Images, of workers registered with `task: "image"`.',
    sent: PromptDto,
    answered: ImageListDto,
  },
  '/v1/messages': {
    summary:
      'Anthropic’s Messages API, for any registered model that chats; streams too. Workers that speak it get what was sent.',
    sent: AnthropicChatDto,
    answered: AnthropicMessageDto,
  },
  '/v1/messages/count_tokens': {
    summary: 'How many tokens a message would take: of models with a worker that speaks Anthropic’s API.',
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

export function describeInference({ paths }: OpenAPIObject): void {
  for (const [path, { get, post }] of Object.entries(paths)) {
    if (get !== undefined && path.startsWith('/v1/models'))
      get.responses['200'] = {
        description: 'The answer',
        content: json(path === '/v1/models' ? OpenAiModelListDto : ListedModelDto),
      };
    if (post === undefined) continue;
    // One method answers them all, and each needs a name of its own.
    if (path.startsWith('/v1/')) post.operationId = path.slice(1).replaceAll('/', '_');
    const described = DESCRIPTIONS[path];
    if (described === undefined) {
      if (path.startsWith('/v1/')) describePassed(path, post);
      continue;
    }
    post.summary = described.summary;
    post.requestBody = { required: true, content: json(described.sent) };
    post.responses['200'] = { description: 'The answer', content: json(described.answered) };
    if (path.startsWith('/v1/messages'))
      post.responses['default'] = { description: 'An error', content: json(AnthropicErrorDto) };
  }
}

function describePassed(path: string, post: NonNullable<OpenAPIObject['paths'][string]['post']>): void {
  const anything = { 'application/json': { schema: { type: 'object' } } };
  post.summary = PASSED;
  const isUpload = path.startsWith('/v1/audio/trans');
  const sent = isUpload ? { 'multipart/form-data': { schema: { type: 'object' } } } : anything;
  post.requestBody = { required: true, content: sent };
  const answered =
    path === '/v1/audio/speech' ? { 'audio/*': { schema: { type: 'string', format: 'binary' } } } : anything;
  post.responses['200'] = { description: 'The answer, as the worker gave it', content: answered };
}

function json(model: Model) {
  return { 'application/json': { schema: { $ref: getSchemaPath(model) } } };
}
