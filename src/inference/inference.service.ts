import { Injectable } from '@nestjs/common';
import { BalancingSettings, InferenceSettings } from '../config/settings.js';
import { Balancer } from '../balancing/balancer.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { CallTimeouts } from '../registry/worker.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { type UpstreamCall, UpstreamClient } from '../upstream/upstream-client.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { UpstreamStatusError } from '../upstream/upstream-status-error.js';
import type { OpenAnswer } from '../upstream/open-answer.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import type { ChatEvent } from './chat/chat.js';
import { TIMEOUT_HEADER } from './deadline.js';
import { fallbacksOf, mayAskAnotherModel } from './fallbacks.js';
import type { InferenceRequest } from './inference-request.js';
import type { Passing } from './passthrough/passing.js';
import { CollectedAnswer, relayStream } from './relay-stream.js';
import type { AnswerFacts, AnswerPieces, Reply } from './reply.js';
import { refusalOf, RefusedError } from './refused-error.js';
import { type RetryRules, retrying } from './retrying.js';
import type { Talk } from './talk.js';
import { talkWith } from './talk-with.js';

/** Where a worker does not report tokens. */
const BYTES_PER_TOKEN = 4;

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
    this.balancer.retriesOf(model)?.countRequest(performance.now());
    return retrying(
      ({ tried, ownConnection }) => {
        return this.balancer.withWorker(
          { model, tried, key, deadlineMs, signal: callerGone },
          async (worker) => {
            errand.attempts += 1;
            const talk = talkWith(worker, request);
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
    { reply, passing }: Errand,
    facts: () => AnswerFacts,
  ): Promise<number> {
    if (talk.mode === 'whole') {
      const answer = talk.read(successful(talk, await this.upstream.send(call, signal)));
      reply.relay(answer, facts());
      return answer.usage?.output ?? (answer.text?.length ?? 0) / BYTES_PER_TOKEN;
    }
    if (talk.mode === 'pass') {
      if (passing === null) throw new TypeError('an answer to pass on, and nobody to take it');
      if (!talk.isStream) {
        const answer = successful(talk, await this.upstream.send(call, signal));
        passing.whole(answer, facts());
        return answer.bytes.length / BYTES_PER_TOKEN;
      }
      return (await passing.stream(await this.open(talk, call, signal), facts())) / BYTES_PER_TOKEN;
    }
    const answer = await this.open(talk, call, signal);
    if (reply.isStream) {
      const counting = new Counting(reply.begin(facts(), () => answer.resume()));
      await relayStream(answer, talk, counting);
      return counting.units;
    }
    const collected = new CollectedAnswer();
    await relayStream(answer, talk, collected);
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

/** Counts what it gives on. */
class Counting implements AnswerPieces {
  private characters = 0;
  private tokens: number | null = null;

  constructor(private readonly pieces: AnswerPieces) {}

  get units(): number {
    return this.tokens ?? this.characters / BYTES_PER_TOKEN;
  }

  event(event: ChatEvent): boolean {
    if (event.kind === 'text' || event.kind === 'reasoning') this.characters += event.text.length;
    if (event.kind === 'usage') this.tokens = event.usage.output;
    return this.pieces.event(event);
  }

  end(): void {
    this.pieces.end();
  }

  fail(error: unknown): void {
    this.pieces.fail(error);
  }
}
