import { Injectable } from '@nestjs/common';
import { BalancingSettings } from '../config/settings.js';
import { Balancer } from '../balancing/balancer.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { CallTimeouts } from '../registry/worker.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { type UpstreamCall, UpstreamClient } from '../upstream/upstream-client.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { UpstreamStatusError } from '../upstream/upstream-status-error.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import { TIMEOUT_HEADER } from './deadline.js';
import { fallbacksOf, mayAskAnotherModel } from './fallbacks.js';
import type { InferenceRequest } from './inference-request.js';
import { chatValues } from './protocols/template-chat.js';
import type { Reply } from './reply.js';
import { type RetryRules, retrying } from './retrying.js';

/** Where a worker does not report tokens. */
const BYTES_PER_TOKEN = 4;

/** A request on its way. */
interface Errand {
  readonly request: InferenceRequest;
  readonly reply: Reply;
  readonly callerGone: CancelSignal;
  /** Workers asked so far. */
  attempts: number;
}

/** The walk of a request: a worker is lent, called, and its answer relayed; elsewhere again while that is safe. */
@Injectable()
export class InferenceService {
  constructor(
    private readonly balancer: Balancer,
    private readonly upstream: UpstreamClient,
    private readonly policies: ModelPolicies,
    private readonly settings: BalancingSettings,
  ) {}

  infer(request: InferenceRequest, reply: Reply, callerGone: CancelSignal): Promise<void> {
    const errand: Errand = { request, reply, callerGone, attempts: 0 };
    const answered = this.ask(request.model, errand);
    const policy = this.policies.of(request.model);
    return policy === undefined || policy.fallbacks.length === 0 ? answered : this.orElse(answered, errand);
  }

  private ask(model: string, errand: Errand): Promise<void> {
    const { request, reply, callerGone } = errand;
    const { key, deadlineMs } = request;
    const policy = this.policies.of(model);
    this.balancer.retriesOf(model)?.countRequest(performance.now());
    return retrying(
      ({ tried, ownConnection }) => {
        return this.balancer.withWorker(
          { model, tried, key, deadlineMs, signal: callerGone },
          async (worker) => {
            errand.attempts += 1;
            const rendered = worker.call.render(chatValues(request, worker), request.passedOn);
            const startedMs = performance.now();
            const call = bounded(
              rendered,
              request,
              startedMs,
              worker.call.ownTimeouts,
              policy,
              ownConnection,
            );
            const answer = await this.upstream.send(
              call,
              worker.onDisconnect === 'abort' ? callerGone : null,
            );
            const text = worker.call.extract(successful(answer));
            reply.relay(text, {
              workerId: worker.id,
              model,
              attempts: errand.attempts,
              upstreamMs: performance.now() - startedMs,
            });
            return { units: text.length / BYTES_PER_TOKEN };
          },
        );
      },
      this.rules(model, policy, errand),
    );
  }

  /** The model's fallbacks, when it can't answer itself. When none of them can either, its own error is what counts. */
  private async orElse(answered: Promise<void>, errand: Errand): Promise<void> {
    const { model, deadlineMs } = errand.request;
    const first = await failureOf(answered);
    let last = first;
    for (const next of fallbacksOf(model, (name) => this.policies.of(name)?.fallbacks ?? [])) {
      const isWanted = !errand.callerGone.aborted && performance.now() < deadlineMs;
      if (last === null || !mayAskAnotherModel(last.error) || !isWanted) break;
      last = await failureOf(this.ask(next, errand));
    }
    if (last === null || first === null) return;
    throw mayAskAnotherModel(last.error) ? first.error : last.error;
  }

  private rules(
    model: string,
    policy: ModelPolicy | undefined,
    { request: { deadlineMs }, callerGone }: Errand,
  ): RetryRules {
    const { retry } = this.settings;
    return {
      limits: (policy?.retries ?? null) === null ? retry : { ...retry, most: policy?.retries ?? 0 },
      causes: policy?.retryOn ?? null,
      budget: () => this.balancer.retriesOf(model),
      workers: () => this.balancer.sizeOf(model),
      isWanted: () => !callerGone.aborted && performance.now() < deadlineMs,
      random: Math.random,
    };
  }
}

async function failureOf(promise: Promise<void>): Promise<{ readonly error: unknown } | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    return { error };
  }
}

/**
 * The call within what is left of the request's time. Field by field: a spread makes an object of a shape of its own,
 * which undici then has to search for each field.
 */
function bounded(
  { method, origin, path, headers, body, timeouts }: UpstreamCall,
  { deadlineMs, deadlineIsCallers }: InferenceRequest,
  nowMs: number,
  own: CallTimeouts,
  policy: ModelPolicy | undefined,
  ownConnection: boolean,
): UpstreamCall {
  const totalMs = Math.min(timeouts.totalMs, Math.floor(deadlineMs - nowMs));
  if (totalMs < 1)
    throw new UpstreamError('timeout', 'no time is left', { answerBegan: false, during: 'total' });
  const connectMs = own.connectMs ?? policy?.connectMs ?? timeouts.connectMs;
  return {
    method,
    origin,
    path,
    headers: deadlineIsCallers ? { ...headers, [TIMEOUT_HEADER]: String(totalMs) } : headers,
    body,
    timeouts: { connectMs, firstByteMs: timeouts.firstByteMs, idleMs: timeouts.idleMs, totalMs },
    ownConnection,
  };
}

function successful(answer: UpstreamAnswer): UpstreamAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const retryAfter = answer.headers['retry-after'];
  throw new UpstreamStatusError(answer.status, typeof retryAfter === 'string' ? retryAfter : undefined);
}
