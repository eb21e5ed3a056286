import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InferenceSettings } from '../../config/settings.js';
import { CallerGone } from '../request/caller-gone.js';
import type { OpenAiChat } from '../chat/chat.js';
import type { InferenceRequest } from '../request/inference-request.js';
import { InferenceService } from '../inference.service.js';
import { type Chat, isOpenAiChat, parseOpenAiChat, parseSeedChat } from '../request/parse-chat.js';
import { CHAT_WORDS, OpenAiReply } from '../openai/openai-reply.js';
import { SeedReply } from './seed-reply.js';
import type { Reply } from '../replies/reply.js';
import { Requests } from '../request/requests.js';

@Controller('api/v1')
export class SeedController {
  constructor(
    private readonly inference: InferenceService,
    private readonly requests: Requests,
    private readonly settings: InferenceSettings,
  ) {}

  /** The seed's call (`input`) of any model that answers a prompt, and OpenAI's chat (`messages`) of any that chats. */
  @Post('chat/completions')
  @HttpCode(200)
  chat(@Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const openAi = isOpenAiChat(http.body);
    const parse = openAi ? parseOpenAiChat : parseSeedChat;
    const chat = parse(http.body, this.settings.defaultModel);
    const request = this.requests.of(http, {
      model: chat.model,
      task: openAi ? 'chat' : null,
      stream: chat.stream,
      input: () => chat,
      openAi: () => (openAi ? withoutOurs(http.body as OpenAiChat) : inOpenAi(chat)),
      raw: null,
      beginning: chat.messages[0]?.content,
    });
    return this.inference.infer(request, replyFor(openAi, request, reply), new CallerGone(reply.raw));
  }
}

function replyFor(openAi: boolean, request: InferenceRequest, http: FastifyReply): Reply {
  if (!openAi && !request.stream) return new SeedReply(http, request);
  const includesUsage = () => request.openAi().stream_options?.include_usage === true;
  return new OpenAiReply(http, request, CHAT_WORDS, includesUsage, openAi);
}

/** Strict servers refuse fields they do not know. */
function withoutOurs(body: OpenAiChat): OpenAiChat {
  const { model_name: _name, input: _input, ...chat } = body;
  return chat;
}

function inOpenAi({ model, messages, temperature, maxTokens }: Chat): OpenAiChat {
  return {
    model,
    messages: messages as OpenAiChat['messages'],
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
  };
}
