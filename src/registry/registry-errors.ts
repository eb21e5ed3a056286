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

/** The natural key is taken by a worker that is not offline. */
export class WorkerExistsError extends Error {
  override readonly name = 'WorkerExistsError';

  constructor({ model_name, req_url_template }: Key, standing: Switched) {
    const registered = `LLM(model_name(${model_name}), url=${req_url_template}) has registered!`;
    super(
      standing.admin_state === 'enabled'
        ? registered
        : `${registered} It is ${standing.admin_state} ${whoAndWhen(standing)}; registering does not change that.`,
    );
  }
}

/** An operator's OFF: no start-up script undoes it. */
export class WorkerDisabledError extends Error {
  override readonly name = 'WorkerDisabledError';

  constructor(worker: Switched & { readonly id: string }) {
    super(
      `this worker is disabled ${whoAndWhen(worker)}, and stays so until POST /api/v1/workers/${worker.id}/enable; nothing was changed`,
    );
  }
}

export class NoSuchWorkerError extends Error {
  override readonly name = 'NoSuchWorkerError';

  constructor() {
    super('No llm worker to remove.');
  }
}

export class WorkerNotFoundError extends Error {
  override readonly name = 'WorkerNotFoundError';

  constructor() {
    super('there is no worker with this id; GET /api/v1/workers lists those there are');
  }
}

function whoAndWhen({ admin_state_by: by, admin_state_since: since }: Switched): string {
  // A time set by hand may be infinity.
  const when = Number.isFinite(Number(since)) ? since.toISOString() : 'an unknown time';
  return `since ${when}, by ${by === '' ? 'an unknown hand' : by}`;
}

/** Nobody of that model at that URL was ever registered, or it was forgotten. */
export class NoWorkerToRenewError extends Error {
  override readonly name = 'NoWorkerToRenewError';

  constructor() {
    super('No llm worker to renew.');
  }
}

/** A heartbeat that comes too late revives nobody. */
export class WorkerOfflineError extends Error {
  override readonly name = 'WorkerOfflineError';

  constructor(modelName: string, url: string) {
    super(
      `LLM(model_name(${modelName}), url=${url}) is offline, which no heartbeat changes: register it anew`,
    );
  }
}

/** There is neither a policy nor a worker of that name. */
export class NoSuchModelError extends Error {
  constructor(name: string) {
    super(`there is no model(${name}) here: no worker carries that name, and it has no policy`);
    this.name = 'NoSuchModelError';
  }
}

/** The upstream answered in time and in form, and its own answer says that it failed (`success_when`). */
export class UnsuccessfulAnswerError extends Error {
  constructor(rule: SuccessWhen) {
    super(`its answer says that it failed: ${rule.path} is not ${JSON.stringify(rule.equals)}`);
    this.name = 'UnsuccessfulAnswerError';
  }
}
