import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InferenceSettings } from '../config/settings.js';
import { LiveWorkers } from '../registry/live-workers.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import { CallerGone } from './caller-gone.js';
import { callerTimeoutMs } from './deadline.js';
import type { ChatMessage, InferenceRequest } from './inference-request.js';
import { InferenceService } from './inference.service.js';
import { isOpenAiChat, parseOpenAiChat, parseSeedChat } from './parse-chat.js';
import { ChatChunksReply, ChatCompletionReply, SeedReply } from './replies.js';
import type { Reply } from './reply.js';

/** Of a prompt's beginning: prompts that begin alike are answered faster by a worker that has seen one. */
const KEY_LENGTH = 256;

@Controller('api/v1')
export class SeedController {
  constructor(
    private readonly inference: InferenceService,
    private readonly live: LiveWorkers,
    private readonly policies: ModelPolicies,
    private readonly settings: InferenceSettings,
  ) {}

  /** The seed's chat (`input`), and OpenAI's (`messages`), of any registered model. */
  @Post('chat/completions')
  @HttpCode(200)
  chat(@Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const openAi = isOpenAiChat(http.body);
    const parse = openAi ? parseOpenAiChat : parseSeedChat;
    const { model, messages, temperature, maxTokens, stream } = parse(http.body, this.settings.defaultModel);
    const timeoutMs = callerTimeoutMs(http.headers);
    const longestMs = this.policies.of(model)?.totalMs ?? this.settings.requestTimeoutMs;
    const request: InferenceRequest = {
      id: http.id,
      model,
      messages,
      temperature,
      maxTokens,
      stream,
      key: affinityKey(http, messages),
      passedOn: passedOn(http),
      deadlineIsCallers: timeoutMs !== undefined,
      deadlineMs: performance.now() + Math.min(timeoutMs ?? longestMs, longestMs),
    };
    http.facts.model = this.live.model(request.model) === undefined ? null : request.model;
    return this.inference.infer(request, replyFor(openAi, request, reply), new CallerGone(reply.raw));
  }
}

function replyFor(openAi: boolean, request: InferenceRequest, reply: FastifyReply): Reply {
  if (request.stream) return new ChatChunksReply(reply, request);
  return openAi ? new ChatCompletionReply(reply, request) : new SeedReply(reply, request);
}

/** What tells the requests of one conversation from others; never who asks. */
function affinityKey(http: FastifyRequest, messages: readonly ChatMessage[]): string {
  const session = http.headers['x-session-id'];
  if (typeof session === 'string') return session;
  const first = messages[0]?.content;
  return typeof first === 'string' ? first.slice(0, KEY_LENGTH) : '';
}

/** What of the caller's headers a worker gets to see. Never his key. */
function passedOn(http: FastifyRequest): Readonly<Record<string, string>> {
  const { traceparent } = http.headers;
  return typeof traceparent === 'string'
    ? { 'x-request-id': http.id, traceparent }
    : { 'x-request-id': http.id };
}
