import { Injectable } from '@nestjs/common';
import { BalancingSettings, InferenceSettings } from '../config/settings.js';
import { Balancer } from '../balancing/balancer.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { type UpstreamCall, UpstreamClient } from '../upstream/upstream-client.js';
import { UpstreamRejectedError } from '../upstream/upstream-errors.js';
import type { OpenAnswer } from '../upstream/open-answer.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import { LazyStream } from './pipeline/lazy-stream.js';
import { withTimeouts } from './pipeline/attempt-timeouts.js';
import { fallbacksOf, mayFallBack } from './pipeline/failover.js';
import type { InferenceRequest } from './client/inference-request.js';
import { recordUsage } from './client/client-response.js';
import { BYTES_PER_TOKEN } from './passthrough/usage-scanner.js';
import type { ProxyResponse } from './passthrough/proxy-response.js';
import { excludeIncapable } from './pipeline/capability.js';
import { AnswerCollector, UsageMeter, relayStream } from './pipeline/relay-stream.js';
import type { AttemptFacts, ClientResponse } from './client/client-response.js';
import { rejectionOf } from './pipeline/rejected-error.js';
import { type RetryRules, retrying } from './pipeline/retry.js';
import type { PreparedCall } from './apis/prepared-call.js';
import { prepareCall } from './apis/prepare-call.js';

/** A request on its way. */
interface RequestContext {
  readonly request: InferenceRequest;
  readonly reply: ClientResponse;
  /** Takes answers of workers that speak the caller's own language; `null`: there are none. */
  readonly passing: ProxyResponse | null;
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
    private readonly live: LiveWorkers,
    private readonly settings: BalancingSettings,
    private readonly waits: InferenceSettings,
  ) {}

  infer(
    request: InferenceRequest,
    reply: ClientResponse,
    callerGone: CancelSignal,
    passing: ProxyResponse | null = null,
  ): Promise<void> {
    const errand: RequestContext = { request, reply, passing, callerGone, attempts: 0 };
    const answered = this.ask(request.model, errand);
    const policy = this.policies.of(request.model);
    const walk =
      policy === undefined || policy.fallbacks.length === 0 ? answered : this.orElse(answered, errand);
    return reply.wantsStream || passing !== null || reply.reject !== undefined
      ? walk.catch((error: unknown) => settle(error, errand))
      : walk;
  }

  private ask(model: string, errand: RequestContext): Promise<void> {
    const { request, callerGone } = errand;
    const { affinityKey: key, deadlineMs } = request;
    const policy = this.policies.of(model);
    this.balancer.retryBudgetOf(model)?.countRequest(performance.now());
    return retrying(
      ({ tried, freshConnection: ownConnection, attempts }) => {
        return this.balancer.withWorker(
          { model, tried, attempts, affinityKey: key, deadlineMs, signal: callerGone },
          async (worker) => {
            const talk = prepareCall(worker, request);
            errand.attempts += 1;
            request.facts.attempts = errand.attempts;
            request.facts.workerId = worker.id;
            const startedMs = performance.now();
            const call = withTimeouts(
              talk.call,
              request,
              startedMs,
              worker.call.ownTimeouts,
              policy,
              ownConnection,
            );
            const signal = worker.onDisconnect === 'abort' ? callerGone : null;
            const facts = (): AttemptFacts => ({
              workerId: worker.id,
              model,
              attempts: errand.attempts,
              upstreamMs: performance.now() - startedMs,
            });
            return { units: await this.deliver(talk, call, signal, errand, facts) };
          },
        );
      },
      this.rules(model, policy, errand),
    );
  }

  /** Calls, and gives the answer on. @returns its size in units of output */
  private async deliver(
    talk: PreparedCall,
    call: UpstreamCall,
    signal: CancelSignal | null,
    { request, reply, passing }: RequestContext,
    facts: () => AttemptFacts,
  ): Promise<number> {
    if (talk.mode === 'whole') {
      const answer = talk.read(successful(talk, await this.upstream.send(call, signal)));
      recordUsage(request.facts, answer.usage);
      reply.send(answer, facts());
      return answer.usage?.output ?? (answer.text?.length ?? 0) / BYTES_PER_TOKEN;
    }
    if (talk.mode === 'pass') {
      if (passing === null) throw new TypeError('an answer to pass on, and nobody to take it');
      if (!talk.isStream) {
        const answer = successful(talk, await this.upstream.send(call, signal));
        return passing.send(answer, facts());
      }
      return passing.stream(await this.open(talk, call, signal), facts());
    }
    const answer = await this.open(talk, call, signal);
    if (reply.wantsStream) {
      const begin = () => reply.startStream(facts(), () => answer.resume());
      const silentMs = performance.now() - answer.headAtMs;
      const awaited = new LazyStream(begin, this.waits.streamHeartbeatMs - silentMs);
      const counting = new UsageMeter(awaited, request.facts);
      await relayStream(answer, talk, counting);
      return counting.tokens ?? counting.characters / BYTES_PER_TOKEN;
    }
    const collected = new AnswerCollector();
    await relayStream(answer, talk, collected);
    recordUsage(request.facts, collected.answer.usage);
    reply.send(collected.answer, facts());
    return collected.answer.usage?.output ?? collected.length / BYTES_PER_TOKEN;
  }

  /** A stream that is none is an error: what it says instead is small, and read whole. */
  private async open(
    talk: PreparedCall,
    call: UpstreamCall,
    signal: CancelSignal | null,
  ): Promise<OpenAnswer> {
    const answer = await this.upstream.open(call, signal, this.waits.streamHeartbeatMs);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw rejectionOf(talk, answer, await answer.readAll());
  }

  /** The model's fallbacks, when it can't answer itself. When none of them can either, its own error is what counts. */
  private async orElse(answered: Promise<void>, errand: RequestContext): Promise<void> {
    const { model, deadlineMs } = errand.request;
    const first = await failureOf(answered);
    let last = first;
    for (const next of fallbacksOf(model, (name) => this.policies.of(name)?.fallbacks ?? [])) {
      const isWanted = !errand.callerGone.aborted && performance.now() < deadlineMs;
      if (last === null || !mayFallBack(last.error) || !isWanted) break;
      last = await failureOf(this.ask(next, errand));
    }
    if (last === null || first === null) return;
    throw mayFallBack(last.error) ? first.error : last.error;
  }

  private rules(
    model: string,
    policy: ModelPolicy | undefined,
    { request, callerGone }: RequestContext,
  ): RetryRules {
    const { retry } = this.settings;
    return {
      limits: (policy?.retries ?? null) === null ? retry : { ...retry, most: policy?.retries ?? 0 },
      causes: policy?.retryOn ?? null,
      budget: () => this.balancer.retryBudgetOf(model),
      workers: () => this.balancer.workerCountOf(model),
      shouldContinue: () => !callerGone.aborted && performance.now() < request.deadlineMs,
      random: Math.random,
      excludeIncapable: (tried) => excludeIncapable(this.live.model(model)?.workers ?? [], tried),
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

function successful(talk: PreparedCall, answer: UpstreamAnswer): UpstreamAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw rejectionOf(talk, answer, answer.bytes);
}

/** An error that no other worker could avoid: the client sees what it may of a rejection; everything else is an error of ours. */
function settle(error: unknown, { reply, passing }: RequestContext): void {
  if (reply.committed || passing?.committed === true) return;
  if (!(error instanceof UpstreamRejectedError) || error.exposed === null) throw error;
  const { exposed } = error;
  const isTold =
    'message' in exposed ? reply.reject?.(error, exposed.message) : passing?.reject(error, exposed);
  if (isTold !== true) throw error;
}
