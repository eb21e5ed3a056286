import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { InferenceSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { ModelPolicies } from '../../registry/models/model-policies.js';
import { affinityKey, passedOn } from './caller-headers.js';
import { deadlineOf } from './deadline.js';
import type { InferenceRequest } from './inference-request.js';

/** What a body says, in whichever API's words. */
type Asked = Pick<InferenceRequest, 'model' | 'task' | 'stream' | 'input' | 'openAi' | 'raw'> & {
  /** How the conversation begins. */
  readonly beginning: unknown;
};

/** Makes an inference request of one over HTTP. */
@Injectable()
export class Requests {
  constructor(
    private readonly live: LiveWorkers,
    private readonly policies: ModelPolicies,
    private readonly settings: InferenceSettings,
  ) {}

  /** @throws InvalidInputError naming the header */
  of(http: FastifyRequest, { model, task, stream, input, openAi, raw, beginning }: Asked): InferenceRequest {
    http.facts.model = this.live.model(model) === undefined ? null : model;
    const longestMs = this.policies.of(model)?.totalMs ?? this.settings.requestTimeoutMs;
    const { arrivedMs, deadlineIsCallers, deadlineMs, latestMs } = deadlineOf(http.headers, longestMs);
    // Field by field: a spread took 4 % of a request's time.
    return {
      id: http.id,
      model,
      task,
      stream,
      input,
      openAi,
      raw,
      key: affinityKey(http, beginning),
      facts: http.facts,
      passedOn: passedOn(http),
      arrivedMs,
      deadlineIsCallers,
      deadlineMs,
      latestMs,
    };
  }
}
