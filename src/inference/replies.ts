import type { FastifyReply } from 'fastify';
import type { InferenceRequest } from './inference-request.js';
import type { AnswerFacts, Reply } from './reply.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The seed's answer: `{"success", "msg", "result"}`. */
export class SeedReply implements Reply {
  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  relay(text: string, facts: AnswerFacts): void {
    tell(this.http, this.request, facts).type(JSON_TYPE);
    this.http.send(`{"success":true,"msg":"execute succeed","result":${JSON.stringify(text)}}`);
  }
}

/** OpenAI's `chat.completion`. */
export class ChatCompletionReply implements Reply {
  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  relay(text: string, facts: AnswerFacts): void {
    tell(this.http, this.request, facts).type(JSON_TYPE);
    const choice = { index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' };
    this.http.send(JSON.stringify({ ...head(this.request, facts, 'chat.completion'), choices: [choice] }));
  }
}

/** OpenAI's chunks, of an answer that came whole: one with the text, one that ends it, `[DONE]`. */
export class ChatChunksReply implements Reply {
  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  relay(text: string, facts: AnswerFacts): void {
    tell(this.http, this.request, facts)
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-cache, no-transform')
      .header('x-accel-buffering', 'no');
    const common = head(this.request, facts, 'chat.completion.chunk');
    const event = (delta: object, finish: string | null): string =>
      `data: ${JSON.stringify({ ...common, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    this.http.send(
      `${event({ role: 'assistant', content: text }, null)}${event({}, 'stop')}data: [DONE]\n\n`,
    );
  }
}

function head({ id }: InferenceRequest, { model }: AnswerFacts, object: string): object {
  return {
    id: `chatcmpl-${id}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model,
  };
}

function tell(
  http: FastifyReply,
  request: InferenceRequest,
  { model, workerId, attempts, upstreamMs }: AnswerFacts,
): FastifyReply {
  const { facts } = http.request;
  // Unknown when the request came, and found since.
  facts.model ??= request.model;
  facts.workerId = workerId;
  facts.attempts = attempts;
  facts.upstreamMs = upstreamMs;
  // A name may hold what a header can't.
  if (model !== request.model) http.header('x-mmm-model', encodeURI(model));
  return http
    .header('x-mmm-worker-id', workerId)
    .header('x-mmm-attempts', attempts)
    .header('x-mmm-upstream-ms', upstreamMs.toFixed(1))
    .header('x-mmm-overhead-ms', Math.max(0, http.elapsedTime - upstreamMs).toFixed(1));
}
