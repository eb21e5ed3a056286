import { Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, mayCall } from '../../../access/caller.js';
import { InferenceSettings } from '../../../config/settings.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import { LiveWorkers } from '../../../registry/live/live-workers.js';
import { WorkerObjects } from '../../../registry/live/worker-objects.js';
import { ModelPolicies } from '../../../registry/models/model-policies.js';
import type { ApiCall, ApiRequest, Worker } from '../../../registry/worker.js';
import { isCallable } from '../../../registry/worker.js';
import { UpstreamClient } from '../../../upstream/upstream-client.js';
import { NOT_KEPT, ResponseNotFoundError } from '../../chat/chat-errors.js';
import { ClientResponse } from '../../client/client-response.js';
import { type InferenceRequest, InferenceRequests } from '../../client/inference-request.js';
import { isPathMissing } from '../../passthrough/missing-path.js';
import { proxyStream } from '../../passthrough/proxy-stream.js';
import { StreamMonitor } from '../../passthrough/stream-monitor.js';
import { Attempt, withTimeouts } from '../../pipeline/attempt.js';
import { ResponsesFormat } from './responses-format.js';

type Method = ApiRequest['method'];

/**
 * Responses that a worker's server keeps: passed through to that worker, past its queue and its limits, since it generates
 * nothing for them. https://platform.openai.com/docs/api-reference/responses
 */
@Controller('v1/responses')
export class ResponsesController {
  constructor(
    private readonly live: LiveWorkers,
    private readonly objects: WorkerObjects,
    private readonly requests: InferenceRequests,
    private readonly policies: ModelPolicies,
    private readonly upstream: UpstreamClient,
    private readonly settings: InferenceSettings,
  ) {}

  /** A response as its server keeps it; with `stream=true`, its events. */
  @Get(':id')
  retrieve(@Param('id') id: string, @Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass('GET', id, '', http, reply);
  }

  /** Deletes a response at its server. */
  @Delete(':id')
  delete(@Param('id') id: string, @Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass('DELETE', id, '', http, reply);
  }

  /** Cancels a response that is made in the background. */
  @Post(':id/cancel')
  @HttpCode(200)
  cancel(@Param('id') id: string, @Req() http: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass('POST', id, '/cancel', http, reply);
  }

  /** The input of a response, item by item. */
  @Get(':id/input_items')
  inputItems(
    @Param('id') id: string,
    @Req() http: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.pass('GET', id, '/input_items', http, reply);
  }

  /** @throws ResponseNotFoundError, UpstreamError */
  private async pass(
    method: Method,
    id: string,
    suffix: string,
    http: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { worker, call } = await this.holderOf(id, http.caller);
    const query = http.url.includes('?') ? http.url.slice(http.url.indexOf('?')) : '';
    const isStream = method === 'GET' && /[?&]stream=true(?:&|$)/.test(query);
    const request = this.requestOf(http, reply, worker.modelName, isStream);
    const format = new ResponsesFormat(
      worker.modelName,
      () => ({}),
      () => {},
    );
    const client = new ClientResponse(reply, request, format);
    const attempt = this.attempt(worker, request, client, call, {
      method,
      path: `/responses/${encodeURIComponent(id)}${suffix}${query}`,
      body: method === 'POST' ? '{}' : null,
      contentType: 'application/json',
      isStream,
    });
    try {
      if (!isStream) return client.pass(await attempt.send(), attempt);
      const answer = await attempt.open();
      const passed = client.startPassing(answer, attempt);
      await proxyStream(passed.http, answer, new StreamMonitor(EVENTS), passed.format);
    } catch (error) {
      if (client.committed) return;
      if (isPathMissing(error)) throw new ResponseNotFoundError(id, LACKS);
      if (!client.reject(error)) throw error;
    }
  }

  /** @throws ResponseNotFoundError, also for a response of a model outside the caller's scope */
  private async holderOf(
    id: string,
    caller: Caller,
  ): Promise<{ readonly worker: Worker; readonly call: ApiCall }> {
    const holderId = await this.objects.workerOf([id]);
    const worker = holderId === null ? undefined : this.live.worker(holderId);
    if (worker === undefined || !isCallable(worker) || !mayCall(caller, worker.modelName))
      throw new ResponseNotFoundError(id, NOT_KEPT);
    const { call } = worker;
    if (call.kind !== 'api' || call.protocol !== 'openai') throw new ResponseNotFoundError(id, NOT_KEPT);
    return { worker, call };
  }

  private requestOf(
    http: FastifyRequest,
    reply: FastifyReply,
    model: string,
    stream: boolean,
  ): InferenceRequest {
    return this.requests.of(http, reply, {
      model,
      task: null,
      stream,
      input: withoutBody,
      openAi: withoutBody,
      raw: null,
    });
  }

  private attempt(
    worker: Worker,
    request: InferenceRequest,
    client: ClientResponse,
    call: ApiCall,
    sent: ApiRequest,
  ): Attempt {
    const { facts } = request;
    facts.attempts = 1;
    facts.workerId = worker.id;
    const rendered = call.render(sent, request.forwardedHeaders);
    const policy = this.policies.of(worker.modelName);
    return new Attempt(
      worker.id,
      worker.modelName,
      1,
      this.upstream,
      withTimeouts(rendered, request, performance.now(), call.ownTimeouts, policy, false),
      'openai',
      client.disconnect,
      this.settings.streamHeartbeatMs,
    );
  }
}

function withoutBody(): never {
  throw new InvalidInputError([{ field: '', problem: 'such a request has no body' }]);
}

const EVENTS = { dialect: 'openai', path: '/responses' } as const;
const LACKS = 'the server of its worker has no such endpoint';
