import { printRule } from '../template/success-when.js';
import type { AdminState, SuccessWhen } from './worker.js';

interface Key {
  readonly model_name: string;
  readonly req_url_template: string;
}

interface Switched {
  readonly admin_state: AdminState;
  readonly admin_state_by: string;
  readonly admin_state_since: Date;
}

/** The natural key belongs to a worker that is not offline. */
export class WorkerExistsError extends Error {
  override readonly name = 'WorkerExistsError';

  constructor({ model_name, req_url_template }: Key, existing: Switched) {
    // This sentence is fixed: clients of the native API compare it to the letter.
    const registered = `LLM(model_name(${model_name}), url=${req_url_template}) has registered!`;
    super(
      existing.admin_state === 'enabled'
        ? registered
        : `${registered} It is ${existing.admin_state} ${sinceAndBy(existing)}; registering does not change that.`,
    );
  }
}

/** An operator switched the worker off, and no start-up script may undo it. */
export class WorkerDisabledError extends Error {
  override readonly name = 'WorkerDisabledError';

  constructor(worker: Switched & { readonly id: string }) {
    super(
      `this worker is disabled ${sinceAndBy(worker)}, until POST /api/v1/workers/${worker.id}/enable; nothing was changed`,
    );
  }
}

/** No worker to take offline. The text is fixed. */
export class NoSuchWorkerError extends Error {
  override readonly name = 'NoSuchWorkerError';

  constructor() {
    super('No llm worker to remove.');
  }
}

export class WorkerNotFoundError extends Error {
  override readonly name = 'WorkerNotFoundError';

  constructor() {
    super('there is no worker with this id; GET /api/v1/workers lists all workers');
  }
}

export class EventNotFoundError extends Error {
  override readonly name = 'EventNotFoundError';

  constructor() {
    super('there is no event with this id; GET /api/v1/events lists all events');
  }
}

/** A change that cannot be taken back; the message says why. */
export class UndoRefusedError extends Error {
  override readonly name = 'UndoRefusedError';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** A heartbeat for a model and URL of which no worker is registered. */
export class NoWorkerToRenewError extends Error {
  override readonly name = 'NoWorkerToRenewError';

  constructor() {
    super('No llm worker to renew.');
  }
}

/** A heartbeat that comes too late: it does not bring a worker back. */
export class WorkerOfflineError extends Error {
  override readonly name = 'WorkerOfflineError';

  constructor(modelName: string, url: string) {
    super(
      `LLM(model_name(${modelName}), url=${url}) is offline, and a heartbeat does not change that: register it again`,
    );
  }
}

/** There is neither a policy nor a worker with that name. */
export class NoSuchModelError extends Error {
  override readonly name = 'NoSuchModelError';

  constructor(name: string) {
    super(`there is no model(${name}) here: no worker has that model_name, and it has no policy`);
  }
}

/** The upstream's answer arrived and is well-formed, but reports a failure (`success_when`). */
export class UnsuccessfulAnswerError extends Error {
  override readonly name = 'UnsuccessfulAnswerError';

  constructor(rule: SuccessWhen) {
    super(`its answer reports a failure: ${printRule(rule)}`);
  }
}

/** A step of long work that cannot be requested: a URL of the upstream leads elsewhere, or a kept value is missing. */
export class PollUrlError extends Error {
  override readonly name = 'PollUrlError';

  constructor(
    /** The field of the definition, such as `poll.status.url`. */
    readonly field: string,
    readonly problem: string,
  ) {
    super(`${field}: ${problem}`);
  }
}

function sinceAndBy({ admin_state_by: by, admin_state_since: since }: Switched): string {
  // A time that was set by hand may be infinity.
  const when = Number.isFinite(Number(since)) ? since.toISOString() : 'an unknown time';
  return `since ${when}, by ${by === '' ? 'an unknown actor' : by}`;
}
