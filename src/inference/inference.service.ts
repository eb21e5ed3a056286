import { Injectable } from '@nestjs/common';
import { Balancer } from '../balancing/balancer.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { UpstreamClient } from '../upstream/upstream-client.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import { UpstreamStatusError } from './answer-errors.js';
import type { InferenceRequest } from './inference-request.js';
import { chatValues } from './protocols/template-chat.js';
import type { Reply } from './reply.js';
import { retrying } from './retrying.js';

/** The walk of a request: a worker is lent, called, and its answer relayed; elsewhere again while that is safe. */
@Injectable()
export class InferenceService {
  constructor(
    private readonly balancer: Balancer,
    private readonly upstream: UpstreamClient,
  ) {}

  infer(request: InferenceRequest, reply: Reply, callerGone: CancelSignal): Promise<void> {
    return retrying(({ tried, number, ownConnection }) =>
      this.balancer.withWorker(request.model, tried, async (worker) => {
        const call = worker.call.render(chatValues(request, worker), request.passedOn);
        const startedMs = performance.now();
        const totalMs = Math.min(call.timeouts.totalMs, Math.floor(request.deadlineMs - startedMs));
        const signal = worker.onDisconnect === 'abort' ? callerGone : null;
        if (totalMs < 1)
          throw new UpstreamError('timeout', 'no time is left', { answerBegan: false, during: 'total' });
        const timeouts = { ...call.timeouts, totalMs };
        const answer = await this.upstream.send({ ...call, timeouts, ownConnection }, signal);
        const text = worker.call.extract(successful(answer));
        reply.relay(text, {
          workerId: worker.id,
          attempts: number,
          upstreamMs: performance.now() - startedMs,
        });
      }),
    );
  }
}

function successful(answer: UpstreamAnswer): UpstreamAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const retryAfter = answer.headers['retry-after'];
  throw new UpstreamStatusError(answer.status, typeof retryAfter === 'string' ? retryAfter : undefined);
}
