import type { AdminState } from './worker.js';

/** The natural key is taken by a worker that is not offline. */
export class WorkerExistsError extends Error {
  constructor(modelName: string, url: string, state: AdminState, by: string, since: Date) {
    const registered = `LLM(model_name(${modelName}), url=${url}) has registered!`;
    super(
      state === 'enabled'
        ? registered
        : `${registered} It is ${state} since ${since.toISOString()}, by ${by === '' ? 'an unknown hand' : by}; registering does not change that.`,
    );
    this.name = 'WorkerExistsError';
  }
}

export class NoSuchWorkerError extends Error {
  constructor() {
    super('No llm worker to remove.');
    this.name = 'NoSuchWorkerError';
  }
}
