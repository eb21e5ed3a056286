import { Injectable } from '@nestjs/common';
import { BalancingSettings } from '../config/settings.js';
import { Balancer } from '../balancing/balancer.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { type UpstreamCall, UpstreamClient } from '../upstream/upstream-client.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { UpstreamStatusError } from '../upstream/upstream-status-error.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import type { InferenceRequest } from './inference-request.js';
import { chatValues } from './protocols/template-chat.js';
import type { Reply } from './reply.js';
import { type RetryRules, retrying } from './retrying.js';

/** Where a worker does not report tokens. */
const BYTES_PER_TOKEN = 4;

/** The walk of a request: a worker is lent, called, and its answer relayed; elsewhere again while that is safe. */
@Injectable()
export class InferenceService {
  constructor(
    private readonly balancer: Balancer,
    private readonly upstream: UpstreamClient,
    private readonly settings: BalancingSettings,
  ) {}

  infer(request: InferenceRequest, reply: Reply, callerGone: CancelSignal): Promise<void> {
    this.balancer.retriesOf(request.model)?.countRequest(performance.now());
    return retrying(
      ({ tried, number, ownConnection }) => {
        const { model, deadlineMs, key } = request;
        return this.balancer.withWorker(
          { model, tried, key, deadlineMs, signal: callerGone },
          async (worker) => {
            const call = worker.call.render(chatValues(request, worker), request.passedOn);
            const startedMs = performance.now();
            const totalMs = Math.min(call.timeouts.totalMs, Math.floor(request.deadlineMs - startedMs));
            const signal = worker.onDisconnect === 'abort' ? callerGone : null;
            if (totalMs < 1)
              throw new UpstreamError('timeout', 'no time is left', { answerBegan: false, during: 'total' });
            const answer = await this.upstream.send(inTime(call, totalMs, ownConnection), signal);
            const text = worker.call.extract(successful(answer));
            reply.relay(text, {
              workerId: worker.id,
              attempts: number,
              upstreamMs: performance.now() - startedMs,
            });
            return { units: text.length / BYTES_PER_TOKEN };
          },
        );
      },
      this.rules(request, callerGone),
    );
  }

  private rules({ model, deadlineMs }: InferenceRequest, callerGone: CancelSignal): RetryRules {
    return {
      limits: this.settings.retry,
      budget: () => this.balancer.retriesOf(model),
      workers: () => this.balancer.sizeOf(model),
      isWanted: () => !callerGone.aborted && performance.now() < deadlineMs,
      random: Math.random,
    };
  }
}

/** Field by field: a spread makes an object of a shape of its own, which undici then has to search for each field. */
function inTime(call: UpstreamCall, totalMs: number, ownConnection: boolean): UpstreamCall {
  const { method, origin, path, headers, body } = call;
  const { connectMs, firstByteMs, idleMs } = call.timeouts;
  return {
    method,
    origin,
    path,
    headers,
    body,
    timeouts: { connectMs, firstByteMs, idleMs, totalMs },
    ownConnection,
  };
}

function successful(answer: UpstreamAnswer): UpstreamAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const retryAfter = answer.headers['retry-after'];
  throw new UpstreamStatusError(answer.status, typeof retryAfter === 'string' ? retryAfter : undefined);
}
