import { UnsupportedFieldError } from '../../input/input-errors.js';
import type { Model } from '../../registry/live/live-workers.js';
import type { Kept, KnownValues, PollCall } from '../../registry/poll.js';
import { isCallable, type TemplateCall, type Worker } from '../../registry/worker.js';
import type { JobInput } from '../job.js';
import { jobValues, checkJobValues } from '../job-values.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { RenderError } from '../../template/template-error.js';

/** A worker that takes submits and is then polled. */
export type PollWorker = Worker & { readonly call: TemplateCall & { readonly poll: PollCall } };

export function isPollWorker(worker: Worker): worker is PollWorker {
  return isCallable(worker) && worker.call.kind === 'template' && worker.call.poll !== null;
}

export function pollWorkersOf(model: Model | undefined): readonly PollWorker[] {
  return model?.workers.filter(isPollWorker) ?? [];
}

/** What every step after the submit knows. */
export function knownValues(
  worker: PollWorker,
  job: { readonly id: string; readonly modelName: string; readonly requestId: string; readonly kept: Kept },
): KnownValues {
  return {
    MODEL_NAME: worker.call.upstreamModel ?? job.modelName,
    JOB_ID: job.id,
    REQUEST_ID: job.requestId,
    kept: job.kept,
  };
}

interface SubmitJob {
  readonly id: string;
  readonly requestId: string;
  readonly input: JobInput;
}

/** The submit as this worker wants it. @throws errors of a request that it cannot express, SecretMissingError, TemplateError */
export function submitCall(worker: PollWorker, { id, requestId, input }: SubmitJob): UpstreamCall {
  return worker.call.render(jobValues(worker, input, { id, requestId }), { 'x-request-id': requestId });
}

/** Why this worker cannot express the request; `null`: it can. */
export function unsupportedReason(worker: PollWorker, { input }: Pick<SubmitJob, 'input'>): Error | null {
  try {
    checkJobValues(worker, input);
    return null;
  } catch (error) {
    return error instanceof Error && isOfRequest(error) ? error : null;
  }
}

/** Whether another worker might express the request. */
export function isOfRequest(error: unknown): boolean {
  return error instanceof RenderError || error instanceof UnsupportedFieldError;
}
