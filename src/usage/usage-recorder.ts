import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Caller, ROOT } from '../access/caller.js';
import { LiveKeys } from '../access/keys/live-keys.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { ErrorType } from '../telemetry/error-type.js';
import type { RequestFacts } from '../telemetry/request-facts.js';
import { TeamMetrics } from './team-metrics.js';
import { UsageWriter } from './usage-writer.js';
import { costOf, outcomeOf, quantitiesOf, textBytesOf, type Quantities, type Used } from './used.js';

/** What of a request is counted in tokens, where its worker reports none. Of other routes, such as images and audio: nothing. */
const COUNTED: ReadonlyMap<string | undefined, 'both' | 'input'> = new Map<string, 'both' | 'input'>([
  ['/api/v1/chat/completions', 'both'],
  ['/v1/chat/completions', 'both'],
  ['/v1/completions', 'both'],
  ['/v1/responses', 'both'],
  ['/v1/messages', 'both'],
  ['/v1/embeddings', 'input'],
  ['/v1/rerank', 'input'],
  ['/v1/moderations', 'input'],
]);

/** The end of a job: what it made, and how it went. */
export interface EndedJob {
  /** `api_key.id`; '' of ADMIN_API_KEY and of clients that need no key. */
  readonly ownerKey: string;
  readonly model: string;
  readonly workerId: string | null;
  readonly errorType: ErrorType | null;
  readonly images: number;
  readonly seconds: number;
}

type Place = Pick<Used, 'model' | 'workerId' | 'outcome'>;

/** Learns of every request and every job that ends, and says what it used. */
@Injectable()
export class UsageRecorder {
  private readonly listeners: ((used: Used) => void)[] = [];

  constructor(
    private readonly writer: UsageWriter,
    private readonly metrics: TeamMetrics,
    private readonly policies: ModelPolicies,
    private readonly live: LiveWorkers,
    private readonly keys: LiveKeys,
  ) {}

  /** Calls `listener` when a request or a job has ended, on this replica. */
  onUsed(listener: (used: Used) => void): void {
    this.listeners.push(listener);
  }

  /** Its response is closed, and its call has ended. @returns its tokens; `null`: they are not counted here */
  ended(request: FastifyRequest): number | null {
    const { facts, caller, method, routeOptions } = request;
    // A job is counted when it ends. What only reads a stored answer uses nothing.
    if (facts.isJob || method !== 'POST' || caller === undefined) return null;
    if (facts.model === null && (facts.errorType === null || routeOptions.config.right !== 'call_models'))
      return null;
    const outcome = outcomeOf(facts.errorType, facts.isRejected);
    if (outcome === null) return null;
    const counts = this.isText(facts.workerId) ? COUNTED.get(routeOptions.url) : undefined;
    const quantities = quantitiesOf(facts, counts ?? 'nothing', () => inputBytesOf(request));
    const model = facts.fallbackModel ?? facts.model;
    this.used(caller, { model, workerId: facts.workerId, outcome }, quantities);
    return quantities.input + quantities.output;
  }

  /** @param facts of the one call that was the job */
  endedCall(
    ownerKey: string,
    model: string,
    facts: CallFacts,
    outcome: Used['outcome'],
    inputBytes: number,
  ): void {
    const place = { model: facts.fallbackModel ?? model, workerId: facts.workerId, outcome };
    const counts = this.isText(facts.workerId) && facts.images === null ? 'both' : 'nothing';
    this.used(
      this.ownerOf(ownerKey),
      place,
      quantitiesOf(facts, counts, () => inputBytes),
    );
  }

  endedJob({ ownerKey, model, workerId, errorType, images, seconds }: EndedJob): void {
    const outcome = outcomeOf(errorType, false);
    if (outcome === null) return;
    const quantities = { input: 0, cached: 0, output: 0, estimated: 0, images, seconds };
    this.used(this.ownerOf(ownerKey), { model, workerId, outcome }, quantities);
  }

  private used({ keyId, name, team }: Payer, place: Place, quantities: Quantities): void {
    const price = place.model === null ? null : (this.policies.of(place.model)?.price ?? null);
    const used: Used = {
      keyId,
      keyName: name,
      team,
      model: place.model,
      workerId: place.workerId,
      outcome: place.outcome,
      input: quantities.input,
      cached: quantities.cached,
      output: quantities.output,
      estimated: quantities.estimated,
      images: quantities.images,
      seconds: quantities.seconds,
      cost: price === null ? null : costOf(quantities, price),
      currency: price?.currency ?? null,
    };
    this.writer.add(used);
    this.metrics.observe(used);
    for (const listener of this.listeners) listener(used);
  }

  private ownerOf(keyId: string): Payer {
    return keyId === '' ? ROOT : (this.keys.callerWithId(keyId) ?? { keyId, name: '', team: null });
  }

  /** Whether a worker makes text; it also holds where none is known. */
  private isText(workerId: string | null): boolean {
    const task = workerId === null ? null : (this.live.worker(workerId)?.task ?? null);
    return task !== 'image' && task !== 'video' && task !== 'audio';
  }
}

type Payer = Pick<Caller, 'keyId' | 'name' | 'team'>;
export type CallFacts = Pick<
  RequestFacts,
  | 'workerId'
  | 'fallbackModel'
  | 'inputTokens'
  | 'cachedTokens'
  | 'outputTokens'
  | 'answerTokens'
  | 'images'
  | 'seconds'
>;

function inputBytesOf({ body, headers }: FastifyRequest): number {
  return Buffer.isBuffer(body) ? textBytesOf(body) : Number(headers['content-length'] ?? 0);
}
