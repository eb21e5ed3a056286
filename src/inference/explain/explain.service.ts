import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { checkModel, mayCall } from '../../access/caller.js';
import { UnknownModelError } from '../../balancing/balancing-errors.js';
import type { ExplainedCandidate } from '../../balancing/explain/explain-pick.js';
import { type ExplainedModel, PickExplainer } from '../../balancing/explain/pick-explainer.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { ModelLookup } from '../../registry/live/model-lookup.js';
import { ModelPolicies } from '../../registry/models/model-policies.js';
import { readNativeBody } from '../apis/native/native-request.js';
import { type InferenceRequest, InferenceRequests } from '../client/inference-request.js';
import { fallbacksOf } from '../pipeline/failover.js';
import type { ExplainedFallbackDto, ExplainedWorkerDto, ExplanationDto } from './explain.dto.js';
import { unfitFor } from './unfit-workers.js';

const MOST_SHOWN = 100;
const NONE: ReadonlyMap<string, string> = new Map();

/** Says where a call would go. It reads memory only, but for a model that is not known here. */
@Injectable()
export class ExplainService {
  constructor(
    private readonly requests: InferenceRequests,
    private readonly explainer: PickExplainer,
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly policies: ModelPolicies,
    private readonly jobs: Jobs,
  ) {}

  /** @throws InvalidInputError for a body or a header that a call does not accept, ForbiddenError, UnknownModelError */
  async explain(model: string, http: FastifyRequest): Promise<ExplanationDto> {
    const { caller } = http;
    checkModel(caller, model);
    const { content } = readNativeBody(http.body, model);
    if (content.model !== model) throw otherModel(content.model, model);
    // A model that was registered at another replica a moment ago.
    if (this.live.model(model) === undefined) await this.lookup.find(model);
    const request = this.requests.read(http, content);
    const own = this.pickOf(model, request);
    if (own === undefined && this.policies.of(model) === undefined) throw new UnknownModelError(model);
    const isJob = this.jobs.serves(model);
    const picked = own?.picked ?? null;
    const fails = !isJob && (own === undefined || own.outcome === 'fails');
    return {
      replica: this.explainer.replicaId,
      model,
      class: request.priority,
      tenant: request.tenant.name || null,
      strategy: own?.strategy ?? null,
      outcome: isJob ? 'job' : (own?.outcome ?? 'fails'),
      would_pick: picked?.id ?? null,
      reason: isJob ? JOB : own === undefined ? NO_WORKERS : own.reason,
      queued: own?.queued ?? 0,
      workers: own?.candidates.length ?? 0,
      candidates: own?.candidates.slice(0, MOST_SHOWN).map((each) => this.shown(each)) ?? [],
      fallbacks: fails && request.worker === null ? this.fallbacks(model, request) : [],
    };
  }

  /** Each as if those before it had failed. */
  private fallbacks(model: string, request: InferenceRequest): ExplainedFallbackDto[] {
    const names = [...fallbacksOf(model, (name) => this.policies.of(name)?.fallbacks ?? [])];
    return names.map((name) => {
      if (!mayCall(request.caller, name))
        return { model: name, outcome: 'refused', would_pick: null, reason: OUT_OF_SCOPE };
      const pick = this.pickOf(name, request);
      if (pick === undefined) return { model: name, outcome: 'fails', would_pick: null, reason: NO_WORKERS };
      return {
        model: name,
        outcome: pick.outcome,
        would_pick: pick.picked?.id ?? null,
        reason: pick.reason,
      };
    });
  }

  private pickOf(model: string, request: InferenceRequest): ExplainedModel | undefined {
    const workers = this.live.model(model)?.workers ?? [];
    const isJob = this.jobs.serves(model);
    const chosen = request.worker?.id;
    const excluded = workers.filter(({ id }) => isJob || (chosen !== undefined && id !== chosen));
    return this.explainer.explain(model, {
      priority: request.priority,
      affinityKey: request.affinityKey,
      excluded: new Map(excluded.map(({ id }) => [id, isJob ? JOB : NOT_CHOSEN])),
      unfit: isJob ? NONE : unfitFor(workers, request),
    });
  }

  private shown({ pooled, whyNot, chance, cost, place }: ExplainedCandidate): ExplainedWorkerDto {
    const { id, inFlight, member, relativeLatency, peakLatencyMs, penalty } = pooled;
    const worker = this.live.worker(id);
    return {
      worker_id: id,
      worker_name: worker?.name ?? '',
      why_not: whyNot,
      chance: chance === null ? null : rounded(chance),
      cost: cost === null ? null : rounded(cost),
      place,
      running: inFlight,
      limit_here: member.concurrencyLimit,
      max_concurrency: worker?.maxConcurrency ?? 0,
      weight: member.weight,
      priority: member.priority,
      relative_latency: rounded(relativeLatency),
      latency_ms: peakLatencyMs === 0 ? null : Math.round(peakLatencyMs),
      penalty: rounded(penalty),
    };
  }
}

const JOB = 'calls of this model become jobs';
const NOT_CHOSEN = 'x-mmm-worker names another worker';
const NO_WORKERS = 'no worker carries this name';
const OUT_OF_SCOPE = 'the scope of this key does not hold it';

function otherModel(inBody: string, inPath: string): InvalidInputError {
  const problem = `names ${JSON.stringify(inBody)}, and the path names ${JSON.stringify(inPath)}: send the same or leave it out`;
  return new InvalidInputError([{ field: 'model', problem }]);
}

/** To three decimals. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
