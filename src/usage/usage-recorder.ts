import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Caller, ROOT } from '../access/caller.js';
import { LiveKeys } from '../access/keys/live-keys.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { RequestFacts } from '../telemetry/request-facts.js';
import { TeamMetrics } from './team-metrics.js';
import { UsageWriter } from './usage-writer.js';
import {
  costOf,
  outcomeOf,
  quantitiesOf,
  textBytesOf,
  type Quantities,
  type Used,
  type UsedOutcome,
} from './used.js';

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
export interface EndedJob extends JobOwner {
  readonly model: string;
  readonly workerId: string | null;
  readonly outcome: UsedOutcome;
  readonly images: number;
  /** `null`: what its worker makes by default. */
  readonly seconds: number | null;
}

/** Who a job is charged to. */
export interface JobOwner {
  /** `api_key.id`; '' of ADMIN_API_KEY and of clients that need no key. */
  readonly ownerKey: string;
  /** The team that its key acted for; '': its own. */
  readonly tenant: string;
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
    // A job is counted when it ends, and the request that made it uses nothing.
    if (facts.isJob) return 0;
    // What only reads a stored answer uses nothing.
    if (method !== 'POST' || caller === undefined) return null;
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

  /** The one call of a job, which made tokens. @param prompt of a job that makes text; `null`: of others nothing is estimated */
  endedCall(owner: JobOwner, model: string, facts: CallFacts, prompt: string | null): void {
    const counts = prompt === null ? 'nothing' : 'both';
    const quantities = quantitiesOf(facts, counts, () => Buffer.byteLength(prompt ?? ''));
    if (quantities.input === 0 && quantities.output === 0) return;
    const place = { model: facts.fallbackModel ?? model, workerId: facts.workerId, outcome: 'part' } as const;
    this.used(this.payerOf(owner), place, { ...quantities, images: 0, seconds: 0 });
  }

  endedJob({ model, workerId, outcome, images, seconds, ...owner }: EndedJob): void {
    const worker = workerId === null ? undefined : this.live.worker(workerId);
    const quantities = {
      input: 0,
      cached: 0,
      output: 0,
      estimated: 0,
      images,
      seconds: seconds ?? worker?.defaults.seconds ?? 0,
    };
    // The worker of a fallback has another model.
    this.used(this.payerOf(owner), { model: worker?.modelName ?? model, workerId, outcome }, quantities);
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

  private payerOf({ ownerKey: keyId, tenant }: JobOwner): Payer {
    const owner =
      keyId === ''
        ? ROOT
        : (this.keys.callerWithId(keyId) ?? { keyId, name: '', team: null, mayActFor: null });
    return tenant === '' ? owner : this.keys.actingFor(owner, tenant);
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
