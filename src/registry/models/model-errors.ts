/** There is neither a policy nor a worker of that name. */
export class NoSuchModelError extends Error {
  constructor(name: string) {
    super(`there is no model(${name}) here: no worker carries that name, and it has no policy`);
    this.name = 'NoSuchModelError';
  }
}
