import type { Model } from '../registry/live/live-workers.js';
import type { PollCall } from '../registry/poll.js';
import { isCallable, type TemplateCall, type Worker } from '../registry/worker.js';

/** A worker that is submitted to and then asked. */
export type PollWorker = Worker & { readonly call: TemplateCall & { readonly poll: PollCall } };

export function isPollWorker(worker: Worker): worker is PollWorker {
  return isCallable(worker) && worker.call.kind === 'template' && worker.call.poll !== null;
}

export function pollWorkersOf(model: Model | undefined): readonly PollWorker[] {
  return model?.workers.filter(isPollWorker) ?? [];
}
