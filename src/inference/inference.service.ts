import { Injectable } from '@nestjs/common';
import { mayCall } from '../access/caller.js';
import { Balancer } from '../balancing/balancer.js';
import type { CallableWorker } from '../balancing/pick-request.js';
import { BalancingSettings } from '../config/balancing-settings.js';
import { InferenceSettings } from '../config/settings.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import type { Counter } from '../telemetry/families.js';
import type { Worker } from '../registry/worker.js';
import { Metrics } from '../telemetry/metrics.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { UpstreamClient } from '../upstream/upstream-client.js';
import { prepareCall } from './apis/prepare-call.js';
import type { Responder } from './client/responder.js';
import { Attempt, withTimeouts } from './pipeline/attempt.js';
import { excludeIncapable, withToolModels } from './pipeline/capability.js';
import { chosenUnavailable, excludedFor, holderUnavailable } from './pipeline/holder.js';
import { fallbacksOf, mayFallBack } from './pipeline/failover.js';
import { type RetryRules, retrying } from './pipeline/retry.js';
import type { InferenceRequest, KeptObjects } from './client/inference-request.js';

/** The way of a request: retries, a worker, the prepared call, its delivery to the client. */
@Injectable()
export class InferenceService {
  private readonly retries: Counter<'model' | 'cause'>;
  private readonly fallbacks: Counter<'model' | 'fallback_model' | 'outcome'>;

  constructor(
    private readonly balancer: Balancer,
    private readonly upstream: UpstreamClient,
    private readonly policies: ModelPolicies,
    private readonly live: LiveWorkers,
    private readonly settings: BalancingSettings,
    private readonly inference: InferenceSettings,
    metrics: Metrics,
  ) {
    this.retries = metrics.counter(
      'mmm_retries_total',
      'Attempts after a failed one, by the cause of the failure (a name of retry_on).',
      ['model', 'cause'],
    );
    this.fallbacks = metrics.counter(
      'mmm_fallbacks_total',
      'Requests that were passed to a fallback of their model, by whether it served them (ok, failed).',
      ['model', 'fallback_model', 'outcome'],
    );
  }

  /** @throws errors that have not been sent to the client yet */
  async infer(request: InferenceRequest, client: Responder): Promise<void> {
    const { facts } = request;
    facts.isRunning = true;
    // An API for jobs may have found it in the database since the request came.
    if (facts.model === null && this.live.model(request.model) !== undefined) facts.model = request.model;
    try {
      await this.served(request, client);
    } catch (error) {
      if (client.committed) return;
      const explained = withToolModels(error, () =>
        this.live.models().filter(({ name }) => mayCall(request.caller, name)),
      );
      if (!client.reject(explained)) throw explained;
    } finally {
      facts.isRunning = false;
      facts.whenEnded?.();
    }
  }

  /** By the model, else by one of its fallbacks. When all of them fail, the model's own error counts. */
  private async served(request: InferenceRequest, client: Responder): Promise<void> {
    const { model, worker, kept } = request;
    if (kept !== undefined && !this.mayGoOn(kept, request.caller)) throw kept.notFound();
    if (worker !== null) return this.servedByOne(worker, request, client);
    const holderId = kept?.holderId ?? null;
    const holder = holderId === null ? undefined : this.live.worker(holderId);
    if (holder !== undefined) return this.servedByHolder(holder, request, client);
    try {
      return await this.servedBy(model, request, client);
    } catch (first) {
      if (!mayFallBack(first)) throw first;
      for (const next of fallbacksOf(model, (name) => this.policies.of(name)?.fallbacks ?? [])) {
        if (!shouldContinue(request, client)) break;
        if (!mayCall(request.caller, next)) continue;
        try {
          return await this.servedByFallback(next, request, client);
        } catch (error) {
          if (!mayFallBack(error)) throw error;
        }
      }
      throw first;
    }
  }

  /** By the worker that the client chose, or not at all. */
  private async servedByOne(worker: Worker, request: InferenceRequest, client: Responder): Promise<void> {
    try {
      await this.servedBy(worker.modelName, request, client, worker);
    } catch (error) {
      throw chosenUnavailable(error, worker);
    }
  }

  /** A caller with a scope may not read, through a server that two models share, what a model outside the scope answered. */
  private mayGoOn({ holderIds }: KeptObjects, caller: InferenceRequest['caller']): boolean {
    if (caller.models === null) return true;
    return holderIds.every((id) => {
      const holder = this.live.worker(id);
      return holder !== undefined && mayCall(caller, holder.modelName);
    });
  }

  /** By the worker that keeps what the request names, under its model or the fallback that answered before. Another one lacks it. */
  private async servedByHolder(holder: Worker, request: InferenceRequest, client: Responder): Promise<void> {
    const { model } = request;
    const fallbacks = fallbacksOf(model, (name) => this.policies.of(name)?.fallbacks ?? []);
    const isOfFallback = holder.modelName !== model && [...fallbacks].includes(holder.modelName);
    try {
      if (isOfFallback) await this.servedByFallback(holder.modelName, request, client, holder);
      else await this.servedBy(model, request, client, holder);
    } catch (error) {
      throw holderUnavailable(error, holder);
    }
  }

  private async servedByFallback(
    next: string,
    request: InferenceRequest,
    client: Responder,
    holder?: Worker,
  ): Promise<void> {
    const { model, facts } = request;
    let outcome = 'failed';
    try {
      facts.fallbackModel = next;
      await this.servedBy(next, request, client, holder);
      outcome = 'ok';
    } catch (error) {
      if (mayFallBack(error)) facts.fallbackModel = null;
      throw error;
    } finally {
      this.fallbacks.add({ model, fallback_model: next, outcome });
    }
  }

  private servedBy(
    model: string,
    request: InferenceRequest,
    client: Responder,
    holder?: Worker,
  ): Promise<void> {
    const { affinityKey, deadlineMs, facts, tenant, priority } = request;
    const policy = this.policies.of(model);
    this.balancer.retryBudgetOf(model)?.countRequest(performance.now());
    return retrying(
      ({ tried, attempts, freshConnection, after }) => {
        let cause = after;
        return this.balancer.withWorker(
          {
            model,
            tried,
            attempts,
            affinityKey,
            tenant,
            priority,
            isCommitted: () => client.committed,
            deadlineMs,
            signal: client.disconnect,
            facts,
          },
          (worker, signal) => {
            if (cause !== null) this.retries.add({ model, cause });
            // A request that was cut comes by again.
            cause = null;
            return this.attempt(worker, signal, model, policy, freshConnection, request, client);
          },
        );
      },
      this.rules(model, policy, request, client, holder),
    );
  }

  /** @returns the answer's size in tokens */
  private attempt(
    worker: CallableWorker,
    signal: CancelSignal,
    model: string,
    policy: ModelPolicy | undefined,
    freshConnection: boolean,
    request: InferenceRequest,
    client: Responder,
  ): Promise<number> {
    const prepared = prepareCall(worker, request);
    const { facts } = request;
    facts.attempts += 1;
    facts.workerId = worker.id;
    facts.ignored = prepared.ignored ?? null;
    const attempt = new Attempt(
      worker.id,
      model,
      facts.attempts,
      this.upstream,
      withTimeouts(
        prepared.call,
        request,
        performance.now(),
        worker.call.ownTimeouts,
        policy,
        freshConnection,
      ),
      prepared.exposes,
      worker.onDisconnect === 'abort' ? signal : null,
      this.inference.streamHeartbeatMs,
    );
    const delivery = prepared.deliver(attempt, client);
    const { explanation } = request;
    if (explanation === null) return delivery;
    const isCut = (): boolean => signal.aborted && !client.disconnect.aborted;
    return explanation.follow(worker.id, this.balancer.candidatesOf(model), delivery, isCut);
  }

  private rules(
    model: string,
    policy: ModelPolicy | undefined,
    request: InferenceRequest,
    client: Responder,
    holder: Worker | undefined,
  ): RetryRules {
    const { retry } = this.settings;
    return {
      limits: (policy?.retries ?? null) === null ? retry : { ...retry, most: policy?.retries ?? 0 },
      causes: policy?.retryOn ?? null,
      budget: () => this.balancer.retryBudgetOf(model),
      workers: () => this.balancer.workerCountOf(model),
      shouldContinue: () => shouldContinue(request, client),
      isCommitted: () => client.committed,
      excluded: holder === undefined ? null : excludedFor(holder, this.live.model(model)?.workers ?? []),
      random: Math.random,
      excludeIncapable: (tried) => excludeIncapable(this.live.model(model)?.workers ?? [], tried),
    };
  }
}

/** Whether another worker may still be tried: the client waits and has received nothing. */
function shouldContinue({ deadlineMs }: InferenceRequest, client: Responder): boolean {
  return !client.committed && !client.disconnect.aborted && performance.now() < deadlineMs;
}
