import { Injectable } from '@nestjs/common';
import { BalancingSettings, InferenceSettings } from '../config/settings.js';
import { Balancer } from '../balancing/balancer.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { type UpstreamCall, UpstreamClient } from '../upstream/upstream-client.js';
import { UpstreamStatusError } from '../upstream/upstream-status-error.js';
import type { OpenAnswer } from '../upstream/open-answer.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import { AwaitedPieces } from './walk/awaited-pieces.js';
import { bounded } from './walk/bounded-call.js';
import { fallbacksOf, mayAskAnotherModel } from './walk/fallbacks.js';
import type { InferenceRequest } from './request/inference-request.js';
import { noteUsage } from './replies/note-usage.js';
import { BYTES_PER_TOKEN } from './passthrough/passed-tokens.js';
import type { Passing } from './passthrough/passing.js';
import { leaveOtherWords } from './walk/other-words.js';
import { CollectedAnswer, CountedPieces, relayStream } from './walk/relay-stream.js';
import type { AnswerFacts, Reply } from './replies/reply.js';
import { refusalOf, RefusedError } from './walk/refused-error.js';
import { type RetryRules, retrying } from './walk/retrying.js';
import type { Talk } from './protocols/talk.js';
import { talkWith } from './protocols/talk-with.js';

/** A request on its way. */
interface Errand {
  readonly request: InferenceRequest;
  readonly reply: Reply;
  /** Takes answers of workers that speak the caller's own language; `null`: there are none. */
  readonly passing: Passing | null;
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
    reply: Reply,
    callerGone: CancelSignal,
    passing: Passing | null = null,
  ): Promise<void> {
    const errand: Errand = { request, reply, passing, callerGone, attempts: 0 };
    const answered = this.ask(request.model, errand);
    const policy = this.policies.of(request.model);
    const walk =
      policy === undefined || policy.fallbacks.length === 0 ? answered : this.orElse(answered, errand);
    return reply.isStream || passing !== null || reply.refuse !== undefined
      ? walk.catch((error: unknown) => settle(error, errand))
      : walk;
  }

  private ask(model: string, errand: Errand): Promise<void> {
    const { request, callerGone } = errand;
    const { key, deadlineMs } = request;
    const policy = this.policies.of(model);
    this.balancer.retryBudgetOf(model)?.countRequest(performance.now());
    return retrying(
      ({ tried, ownConnection }) => {
        return this.balancer.withWorker(
          { model, tried, affinityKey: key, deadlineMs, signal: callerGone },
          async (worker) => {
            const talk = talkWith(worker, request);
            errand.attempts += 1;
            request.facts.attempts = errand.attempts;
            request.facts.workerId = worker.id;
            const startedMs = performance.now();
            const call = bounded(
              talk.call,
              request,
              startedMs,
              worker.call.ownTimeouts,
              policy,
              ownConnection,
            );
            const signal = worker.onDisconnect === 'abort' ? callerGone : null;
            const facts = (): AnswerFacts => ({
              workerId: worker.id,
              model,
              attempts: errand.attempts,
              upstreamMs: performance.now() - startedMs,
            });
            return { units: await this.converse(talk, call, signal, errand, facts) };
          },
        );
      },
      this.rules(model, policy, errand),
    );
  }

  /** Calls, and gives the answer on. @returns its size in units of output */
  private async converse(
    talk: Talk,
    call: UpstreamCall,
    signal: CancelSignal | null,
    { request, reply, passing }: Errand,
    facts: () => AnswerFacts,
  ): Promise<number> {
    if (talk.mode === 'whole') {
      const answer = talk.read(successful(talk, await this.upstream.send(call, signal)));
      noteUsage(request.facts, answer.usage);
      reply.relay(answer, facts());
      return answer.usage?.output ?? (answer.text?.length ?? 0) / BYTES_PER_TOKEN;
    }
    if (talk.mode === 'pass') {
      if (passing === null) throw new TypeError('an answer to pass on, and nobody to take it');
      if (!talk.isStream) {
        const answer = successful(talk, await this.upstream.send(call, signal));
        return passing.whole(answer, facts());
      }
      return passing.stream(await this.open(talk, call, signal), facts());
    }
    const answer = await this.open(talk, call, signal);
    if (reply.isStream) {
      const begin = () => reply.begin(facts(), () => answer.resume());
      const silentMs = performance.now() - answer.headAtMs;
      const awaited = new AwaitedPieces(begin, this.waits.streamHeartbeatMs - silentMs);
      const counting = new CountedPieces(awaited, request.facts);
      await relayStream(answer, talk, counting);
      return counting.tokens ?? counting.characters / BYTES_PER_TOKEN;
    }
    const collected = new CollectedAnswer();
    await relayStream(answer, talk, collected);
    noteUsage(request.facts, collected.answer.usage);
    reply.relay(collected.answer, facts());
    return collected.answer.usage?.output ?? collected.length / BYTES_PER_TOKEN;
  }

  /** A stream that is none is an error: what it says instead is small, and read whole. */
  private async open(talk: Talk, call: UpstreamCall, signal: CancelSignal | null): Promise<OpenAnswer> {
    const answer = await this.upstream.open(call, signal, this.waits.streamHeartbeatMs);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusalOf(talk, answer, await answer.whole());
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

  private rules(model: string, policy: ModelPolicy | undefined, { request, callerGone }: Errand): RetryRules {
    const { retry } = this.settings;
    return {
      limits: (policy?.retries ?? null) === null ? retry : { ...retry, most: policy?.retries ?? 0 },
      causes: policy?.retryOn ?? null,
      budget: () => this.balancer.retryBudgetOf(model),
      workers: () => this.balancer.workerCountOf(model),
      isWanted: () => !callerGone.aborted && performance.now() < request.deadlineMs,
      random: Math.random,
      leaveOtherWords: (tried) => leaveOtherWords(this.live.model(model)?.workers ?? [], tried),
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

function successful(talk: Talk, answer: UpstreamAnswer): UpstreamAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refusalOf(talk, answer, answer.bytes);
}

/** What nobody else can answer any more is told to the log only; what an upstream said itself, its caller may hear. */
function settle(error: unknown, { reply, passing }: Errand): void {
  if (reply.hasBegun || passing?.hasBegun === true) return;
  if (error instanceof RefusedError && reply.refuse?.(error) === true) return;
  if (passing === null || !(error instanceof UpstreamStatusError) || !passing.refusal(error)) throw error;
}
