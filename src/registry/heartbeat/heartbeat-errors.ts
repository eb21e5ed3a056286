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
