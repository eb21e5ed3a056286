import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checkModel, mayCall } from '../../../access/caller.js';
import { UnknownModelError } from '../../../balancing/balancing-errors.js';
import { isJsonObject } from '../../../input/json.js';
import { LiveWorkers } from '../../../registry/live/live-workers.js';
import { WorkerObjects } from '../../../registry/live/worker-objects.js';
import { ENDPOINTS, type Endpoint, OPENAI_BASE, isFromAnthropicClient } from '../endpoints.js';
import {
  type AnthropicModel,
  anthropicModel,
  type AnthropicModelList,
  anthropicModelList,
} from '../anthropic/listed-models.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { type InferenceRequest, InferenceRequests, type RawBody } from '../../client/inference-request.js';
import { InferenceService } from '../../inference.service.js';
import { parseOpenAiChat } from '../../chat/parse-chat.js';
import { memoize } from '../../passthrough/raw-request.js';
import { chatFromResponses } from '../responses/client-request.js';
import { keptResponses } from '../responses/kept-responses.js';
import { ResponsesFormat } from '../responses/responses-format.js';
import { JobFront } from '../jobs/job-front.js';
import { type JobEndpoint, jobCallOf, needsConversion } from './job-calls.js';
import { completionAsChat } from './completion-as-chat.js';
import { ChatFormat, TextFormat } from './client-response.js';
import { EmbeddingsFormat, ImagesFormat, isOffered, type ListedModel, listedModel } from './lists.js';
import { ClientResponse } from '../../client/client-response.js';
import type { ResponseFormat } from '../../client/response-format.js';
import { readBody, readBodyFields, readInput } from './client-request.js';

type Body = Readonly<Record<string, unknown>>;
type Query = Body;

/** OpenAI's API, for any registered model. */
@Controller('v1')
export class OpenAiController {
  constructor(
    private readonly inference: InferenceService,
    private readonly live: LiveWorkers,
    private readonly requests: InferenceRequests,
    private readonly jobs: JobFront,
    private readonly objects: WorkerObjects,
  ) {}

  /** The models with an enabled worker that the key may call. Anthropic clients get the list in their format. */
  @Get('models')
  models(@Req() http: FastifyRequest): { object: 'list'; data: ListedModel[] } | AnthropicModelList {
    const offered = this.live
      .models()
      .filter((model) => isOffered(model) && mayCall(http.caller, model.name));
    if (isFromAnthropicClient(http.headers)) return anthropicModelList(offered, http.query as Query);
    return { object: 'list', data: offered.map(listedModel) };
  }

  /** One model; `/` is allowed in names. */
  @Get('models/*')
  model(@Param('*') name: string, @Req() http: FastifyRequest): ListedModel | AnthropicModel {
    checkModel(http.caller, name);
    const model = this.live.model(name);
    if (model === undefined) throw new UnknownModelError(name);
    return isFromAnthropicClient(http.headers) ? anthropicModel(model) : listedModel(model);
  }

  /** All endpoints; the path says which. hot-routes.ts calls this directly, past guards, pipes and interceptors. */
  @Post(Object.keys(ENDPOINTS).map((path) => path.slice(1)))
  @HttpCode(200)
  answer(@Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const endpoint = endpointOf(http.url);
    const contentType = http.headers['content-type'] ?? '';
    const { raw, model, stream, serviceTier } = readBody(endpoint, contentType, http.body);
    const body = memoize(() => readBodyFields(http));
    const responsesChat = memoize(() => chatFromResponses(body()));
    const input = memoize(() =>
      endpoint === '/responses' ? parseOpenAiChat(responsesChat(), null) : readInput(endpoint, body()),
    );
    const request = this.requests.of(http, reply, {
      model,
      task: ENDPOINTS[endpoint],
      stream,
      input,
      openAi: () => {
        // Throws where the body is invalid.
        const { messages } = input();
        if (endpoint === '/completions') return completionAsChat(body(), messages);
        return endpoint === '/responses' ? responsesChat() : (body() as unknown as OpenAiChat);
      },
      raw,
      serviceTier,
    });
    if (endpoint === '/responses') return this.respond(request, raw, body, reply);
    if (!isJobEndpoint(endpoint) || !this.mayBeJob(endpoint, model, http))
      return this.infer(endpoint, request, body, reply);
    return this.jobs.answer(
      request,
      http,
      reply,
      (workers) => jobCallOf(endpoint, model, body(), workers),
      () => this.infer(endpoint, request, body, reply),
      (workers) => needsConversion(endpoint, body, workers),
    );
  }

  /** A response may go on from one that a worker keeps. */
  private async respond(
    request: InferenceRequest,
    { bytes, spelled }: RawBody,
    body: () => Body,
    reply: FastifyReply,
  ): Promise<void> {
    if (spelled !== 'json') return this.infer('/responses', request, body, reply);
    const kept = await keptResponses(this.objects, bytes, body, request.caller.models !== null);
    return this.infer('/responses', { ...request, kept }, body, reply);
  }

  private infer(
    endpoint: Endpoint,
    request: InferenceRequest,
    body: () => Body,
    reply: FastifyReply,
  ): Promise<void> {
    return this.inference.infer(
      request,
      new ClientResponse(reply, request, formatOf(endpoint, request, body)),
    );
  }

  private mayBeJob(endpoint: JobEndpoint, model: string, http: FastifyRequest): boolean {
    return endpoint !== '/chat/completions' || this.jobs.mayTake(model, http);
  }
}

function isJobEndpoint(endpoint: Endpoint): endpoint is JobEndpoint {
  return (
    endpoint === '/chat/completions' || endpoint === '/images/generations' || endpoint === '/images/edits'
  );
}

function formatOf(endpoint: Endpoint, request: InferenceRequest, body: () => Body): ResponseFormat {
  if (endpoint === '/embeddings')
    return new EmbeddingsFormat(
      () => request.input().input,
      () => body()['encoding_format'] === 'base64',
    );
  if (endpoint === '/images/generations' || endpoint === '/images/edits') return new ImagesFormat();
  if (endpoint === '/responses') {
    const { model, kept, facts } = request;
    return new ResponsesFormat(model, body, (events) => void kept?.keep(events, true, facts.workerId ?? ''));
  }
  const includesUsage = () => wantsUsage(body());
  return endpoint === '/completions' ? new TextFormat(includesUsage) : new ChatFormat(includesUsage);
}

function wantsUsage({ stream_options: options }: Body): boolean {
  return isJsonObject(options) && options['include_usage'] === true;
}

function endpointOf(url: string): Endpoint {
  const query = url.indexOf('?');
  return url.slice(OPENAI_BASE.length, query === -1 ? undefined : query) as Endpoint;
}
