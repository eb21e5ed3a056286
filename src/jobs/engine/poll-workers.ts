import type { Model } from '../../registry/live/live-workers.js';
import type { Kept, KnownValues, PollCall } from '../../registry/poll.js';
import { isCallable, type TemplateCall, type Worker } from '../../registry/worker.js';

/** A worker that is submitted to and then asked. */
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
