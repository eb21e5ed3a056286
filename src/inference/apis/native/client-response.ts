import type { FastifyReply } from 'fastify';
import { NeutralError } from '../../../upstream/upstream-errors.js';
import type { ChatAnswer } from '../../chat/chat.js';
import { setResponseHeaders } from '../../client/client-response.js';
import { JSON_TYPE } from '../../client/client-response.js';
import type { AttemptFacts, ResponseStream, ClientResponse } from '../../client/client-response.js';
import type { InferenceRequest } from '../../client/inference-request.js';

/** The seed's answer: `{"success", "msg", "result"}`. */
export class NativeResponse implements ClientResponse {
  readonly wantsStream = false;
  committed = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  send({ text, toolCalls }: ChatAnswer, facts: AttemptFacts): void {
    // Such as one that was thinking when its tokens ran out.
    if (text === null && toolCalls.length === 0) throw new NeutralError('the answer holds no text');
    this.committed = true;
    const result = text ?? JSON.stringify(toolCalls);
    setResponseHeaders(this.http, this.request, facts, true).type(JSON_TYPE);
    this.http.send(`{"success":true,"msg":"execute succeed","result":${JSON.stringify(result)}}`);
  }

  startStream(): ResponseStream {
    throw new TypeError('this caller wants the answer whole');
  }
}
