/** The caller wants what this worker does not do. */
export class UnsupportedTaskError extends Error {
  constructor(wanted: string, model: string, does: string) {
    super(`model(${model}) does ${does}, not ${wanted}: ask a model that does, or use another endpoint`);
    this.name = 'UnsupportedTaskError';
  }
}
