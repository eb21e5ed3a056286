import { Injectable, type OnModuleInit } from '@nestjs/common';
import { schedulingTeam } from '../../access/acting-for.js';
import { type Caller, ROOT } from '../../access/caller.js';
import { LiveKeys } from '../../access/keys/live-keys.js';
import { tenantOf } from '../../balancing/admission/tenant.js';
import { InferenceSettings } from '../../config/settings.js';
import { OneCall, type OneCallJob, type OneCallResult, OneCalls } from '../../jobs/one-call.js';
import { ModelPolicies } from '../../registry/models/model-policies.js';
import { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import { UsageRecorder } from '../../usage/usage-recorder.js';
import { deadlineOf } from '../client/request-headers.js';
import { InferenceService } from '../inference.service.js';
import { JobResponse } from './job-response.js';
import { oneCallRequest } from './one-call-request.js';

/** A job of a model without poll workers takes the way of any request: balanced, counted, retried before anything is sent. */
@Injectable()
export class OneCallService extends OneCall implements OnModuleInit {
  constructor(
    private readonly inference: InferenceService,
    private readonly policies: ModelPolicies,
    private readonly settings: InferenceSettings,
    private readonly ports: OneCalls,
    private readonly keys: LiveKeys,
    private readonly usage: UsageRecorder,
  ) {
    super();
  }

  onModuleInit(): void {
    this.ports.set(this);
  }

  async call(job: OneCallJob, signal: AbortSignal): Promise<OneCallResult> {
    const longestMs = this.policies.of(job.modelName)?.totalMs ?? this.settings.requestTimeoutMs;
    const caller = this.callerOf(job);
    const tenant = tenantOf(caller, this.keys.weightOf(schedulingTeam(caller)));
    const request = oneCallRequest(job, deadlineOf({}, longestMs), caller, tenant);
    const response = new JobResponse(request, signal, job.kind);
    try {
      await this.inference.infer(request, response);
    } catch (error) {
      const { rejection } = response;
      if (!(error instanceof UpstreamRejectedError) || rejection === null) throw error;
      const message = `${error.message}: ${rejection}`;
      throw new UpstreamRejectedError(error.status, { message, kind: error.kind });
    } finally {
      this.usage.endedCall(job, job.modelName, request.facts, job.kind === 'text' ? job.input.prompt : null);
    }
    return { workerId: request.facts.workerId, files: response.files };
  }

  /** Of a key that is gone by now, the scope is the model of the job. */
  private callerOf({ ownerKey, tenant, modelName }: OneCallJob): Caller {
    const caller =
      ownerKey === '' ? ROOT : (this.keys.callerWithId(ownerKey) ?? { ...ROOT, models: [modelName] });
    return tenant === '' ? caller : this.keys.actingFor(caller, tenant);
  }
}
