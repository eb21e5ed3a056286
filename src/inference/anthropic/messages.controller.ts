import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CallerGone } from '../caller-gone.js';
import { InferenceService } from '../inference.service.js';
import { parseBody } from '../parse-body.js';
import { parseOpenAiChat } from '../parse-chat.js';
import { chatFromAnthropic } from '../protocols/anthropic/chat-from-anthropic.js';
import { Requests } from '../requests.js';
import { AnthropicReply } from './anthropic-reply.js';

/** Anthropic's Messages API, for any registered model that chats. */
@Controller('v1')
export class MessagesController {
  constructor(
    private readonly inference: InferenceService,
    private readonly requests: Requests,
  ) {}

  /** A message, or its events with `stream`. */
  @Post('messages')
  @HttpCode(200)
  answer(@Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const chat = chatFromAnthropic(parseBody(http.body));
    const request = this.requests.of(http, {
      model: chat.model,
      task: 'chat',
      stream: chat.stream === true,
      input: () => parseOpenAiChat(chat, null),
      openAi: () => chat,
      raw: null,
      beginning: chat.messages[0]?.content,
    });
    return this.inference.infer(request, new AnthropicReply(reply, request), new CallerGone(reply.raw));
  }
}
