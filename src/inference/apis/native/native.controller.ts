import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InferenceSettings } from '../../../config/settings.js';
import { type InferenceRequest, InferenceRequests } from '../../client/inference-request.js';
import { InferenceService } from '../../inference.service.js';
import type { Chat } from '../../chat/parse-chat.js';
import { NATIVE_FIELDS } from '../../client/field-names.js';
import { ChatFormat } from '../openai/client-response.js';
import { openAiErrorEvent } from '../openai/openai-error.js';
import { ClientResponse } from '../../client/client-response.js';
import type { Rejection, ResponseFormat } from '../../client/response-format.js';
import type { Fields } from '../../../input/json.js';
import type { Worker } from '../../../registry/worker.js';
import { CHAT_JOB, CHAT_STREAM_JOB, NATIVE_JOB } from '../jobs/job-formats.js';
import { type JobCall, JobFront } from '../jobs/job-front.js';
import { kindOf } from '../jobs/new-job.js';
import { readJobInput } from '../jobs/read-job-input.js';
import { readNativeBody } from './native-request.js';
import { NeutralError } from '../../../upstream/upstream-errors.js';

/** The native API. */
@Controller('api/v1')
export class NativeController {
  constructor(
    private readonly inference: InferenceService,
    private readonly requests: InferenceRequests,
    private readonly settings: InferenceSettings,
    private readonly jobs: JobFront,
  ) {}

  /**
   * A native call (`input`) of any model that answers a prompt, or an OpenAI chat (`messages`) of any that chats.
   * hot-routes.ts calls this directly, past guards, pipes and interceptors.
   */
  @Post('chat/completions')
  @HttpCode(200)
  chat(@Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { chat, isOpenAi: openAi, content } = readNativeBody(http.body, this.settings.defaultModel);
    const request = this.requests.of(http, reply, content);
    if (!this.jobs.mayTake(chat.model, http)) return this.infer(request, reply, openAi);
    return this.jobs.answer(
      request,
      http,
      reply,
      (workers) => jobCallOf(http.body as Fields, chat, openAi, workers),
      () => this.infer(request, reply, openAi),
    );
  }

  private infer(request: InferenceRequest, reply: FastifyReply, openAi: boolean): Promise<void> {
    return this.inference.infer(request, new ClientResponse(reply, request, formatOf(openAi, request)));
  }
}

/** A text is made of what the native API knows; of images and videos, templates may use every field. */
function jobCallOf(body: Fields, chat: Chat, openAi: boolean, workers: readonly Worker[]): JobCall {
  const kind = kindOf(workers);
  const { temperature, maxTokens: max_tokens } = chat;
  const isText = kind === 'text' && !openAi;
  const input = readJobInput(isText ? { input: body['input'], temperature, max_tokens } : body);
  const streamed = openAi ? CHAT_JOB : NATIVE_JOB;
  return { kind, input, format: chat.stream ? CHAT_STREAM_JOB : streamed };
}

function formatOf(openAi: boolean, request: InferenceRequest): ResponseFormat {
  if (openAi) return new NativeChatFormat(() => request.openAi().stream_options?.include_usage === true);
  return request.stream ? NATIVE_STREAM_FORMAT : NATIVE_FORMAT;
}

/** OpenAI's answers on the native path, where a worker that fails is a 502 whatever its status. */
class NativeChatFormat extends ChatFormat {
  override rejection(rejection: Rejection): string | null {
    return rejection.status >= 500 ? null : super.rejection(rejection);
  }
}

/** The native response: `{"success", "msg", "result"}`. */
export const NATIVE_FORMAT: ResponseFormat = {
  whole: ({ text, toolCalls }) => {
    // Such as an answer whose tokens ran out while the model was reasoning.
    if (text === null && toolCalls.length === 0) throw new NeutralError('the answer holds no text');
    const result = text ?? JSON.stringify(toolCalls);
    return `{"success":true,"msg":"execute succeed","result":${JSON.stringify(result)}}`;
  },
  errorEvent: openAiErrorEvent,
  fieldNames: NATIVE_FIELDS,
};

/** With `stream: true` a native call is answered with OpenAI's chunks. An error before the first one has the native envelope. */
const CHUNKS = new ChatFormat(() => false);
export const NATIVE_STREAM_FORMAT: ResponseFormat = {
  whole: (answer, head) => CHUNKS.whole(answer, head),
  stream: (head) => CHUNKS.stream(head),
  errorEvent: openAiErrorEvent,
  fieldNames: NATIVE_FIELDS,
};
