/** No worker that is not offline carries this name. */
export class UnknownModelError extends Error {
  constructor(readonly modelName: string) {
    super(`The request model(${modelName}) not exist in llm worker manager`);
    this.name = 'UnknownModelError';
  }
}

/** The model is known, and none of its workers may be used now. */
export class NoWorkerAvailableError extends Error {
  constructor(
    readonly modelName: string,
    /** When it is worth asking again, in seconds, 1 or more. */
    readonly retryAfterS: number,
    why: string,
  ) {
    super(`no worker of model(${modelName}) can be used now: ${why}`);
    this.name = 'NoWorkerAvailableError';
  }
}
