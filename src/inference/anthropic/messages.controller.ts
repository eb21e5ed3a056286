import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InferenceSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live-workers.js';
import { ModelPolicies } from '../../registry/models/model-policies.js';
import { CallerGone } from '../caller-gone.js';
import { affinityKey, passedOn } from '../caller-headers.js';
import { deadlineOf } from '../deadline.js';
import type { InferenceRequest } from '../inference-request.js';
import { InferenceService } from '../inference.service.js';
import { parseBody } from '../parse-body.js';
import { parseOpenAiChat } from '../parse-chat.js';
import { chatFromAnthropic } from '../protocols/anthropic/chat-from-anthropic.js';
import { AnthropicReply } from './anthropic-reply.js';

/** Anthropic's Messages API, for any registered model that chats. */
@Controller('v1')
export class MessagesController {
  constructor(
    private readonly inference: InferenceService,
    private readonly live: LiveWorkers,
    private readonly policies: ModelPolicies,
    private readonly settings: InferenceSettings,
  ) {}

  /** A message, or its events with `stream`. */
  @Post('messages')
  @HttpCode(200)
  answer(@Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const chat = chatFromAnthropic(parseBody(http.body));
    const { model } = chat;
    const request: InferenceRequest = {
      id: http.id,
      model,
      task: 'chat',
      stream: chat.stream === true,
      input: () => parseOpenAiChat(chat, null),
      openAi: () => chat,
      raw: null,
      key: affinityKey(http, chat.messages[0]?.content),
      facts: http.facts,
      passedOn: passedOn(http),
      ...deadlineOf(http.headers, this.policies.of(model)?.totalMs ?? this.settings.requestTimeoutMs),
    };
    http.facts.model = this.live.model(model) === undefined ? null : model;
    return this.inference.infer(request, new AnthropicReply(reply, request), new CallerGone(reply.raw));
  }
}
