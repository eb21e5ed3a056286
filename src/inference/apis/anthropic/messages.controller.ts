import { printJson } from '../../../input/exact-json.js';
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ClientResponse } from '../../client/client-response.js';
import type { StreamWriter, ResponseHead, ResponseFormat } from '../../client/response-format.js';
import { InferenceService } from '../../inference.service.js';
import { memoize, parseBody } from '../../passthrough/raw-request.js';
import { parseOpenAiChat } from '../../chat/parse-chat.js';
import { apiHeadersOf } from './headers.js';
import { WorkerObjects } from '../../../registry/live/worker-objects.js';
import { type KeptFields, keptMessages } from './kept-messages.js';
import { CALL_INPUTS, chatFromAnthropic, readMessage } from './client-request.js';
import { ANTHROPIC_FIELDS } from '../../client/field-names.js';
import { type InferenceRequest, InferenceRequests } from '../../client/inference-request.js';
import { COUNT_TOKENS, MESSAGES } from '../endpoints.js';
import type { ChatAnswer, ChatEvent } from '../../chat/chat.js';
import { anthropicErrorEvent, anthropicRejection } from './anthropic-error.js';
import { AnthropicEventWriter } from './event-writer.js';
import { anthropicMessage } from './message.js';

/** The Messages API of Anthropic, for every registered model that chats. */
@Controller('v1')
export class MessagesController {
  constructor(
    private readonly inference: InferenceService,
    private readonly requests: InferenceRequests,
    private readonly objects: WorkerObjects,
  ) {}

  /**
   * A message, its events with `stream`, or the number of tokens that a message takes. hot-routes.ts calls this directly,
   * past guards, pipes and interceptors.
   */
  @Post([MESSAGES, COUNT_TOKENS])
  @HttpCode(200)
  answer(@Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    // Anthropic clients show this id; an upstream's own request-id replaces it.
    reply.header('request-id', http.id);
    const { raw, model, stream, serviceTier, kept } = readMessage(
      {
        ...targetOf(http.url),
        headers: apiHeadersOf(http.headers),
        contentType: http.headers['content-type'] ?? '',
      },
      http.body,
    );
    const chat = memoize(() => chatFromAnthropic(parseBody(raw.bytes, CALL_INPUTS)));
    const request = this.requests.of(http, reply, {
      model,
      task: 'chat',
      stream,
      input: () => parseOpenAiChat(chat(), null),
      openAi: chat,
      raw,
      serviceTier,
    });
    if (kept !== null) return this.goOn(request, kept, reply);
    return this.inference.infer(request, new ClientResponse(reply, request, ANTHROPIC_FORMAT));
  }

  /** A message may go on from what a worker's server keeps. */
  private async goOn(from: InferenceRequest, fields: KeptFields, reply: FastifyReply): Promise<void> {
    const kept = await keptMessages(this.objects, fields, from.caller.models !== null);
    const request = { ...from, kept };
    const format: ResponseFormat = {
      ...ANTHROPIC_FORMAT,
      passed: (events) => {
        if (KEPT.some((field) => events.includes(field)))
          void kept.keep(events, true, request.facts.workerId ?? '');
      },
    };
    return this.inference.infer(request, new ClientResponse(reply, request, format));
  }
}

/** Of events that show what the server keeps. */
const KEPT = [Buffer.from('"message_start"'), Buffer.from('"container"')] as const;

/** Clients of the beta API say so in the query (`beta.messages` of @anthropic-ai/sdk). */
function targetOf(url: string): { readonly path: string; readonly query: string } {
  const [path = '', query = ''] = url.split('?', 2);
  return {
    path: path.endsWith(COUNT_TOKENS) ? COUNT_TOKENS : MESSAGES,
    query: new URLSearchParams(query).get('beta') === 'true' ? '?beta=true' : '',
  };
}

/** The responses of `POST /v1/messages`: a message or its events. */
export const ANTHROPIC_FORMAT: ResponseFormat = {
  whole: (answer: ChatAnswer, head: ResponseHead) => printJson(anthropicMessage(answer, named(head))),
  stream: (head: ResponseHead): StreamWriter => {
    const writer = new AnthropicEventWriter(named(head));
    return {
      event: (event: ChatEvent) => writer.write(event),
      end: () => writer.end(),
    };
  },
  errorEvent: anthropicErrorEvent,
  fieldNames: ANTHROPIC_FIELDS,
  rejection: (rejection, requestId) => JSON.stringify(anthropicRejection(rejection, requestId)),
};

function named({ id, model }: ResponseHead): { readonly id: string; readonly model: string } {
  return { id: `msg_${id}`, model };
}
