/**
 * The worker's definition has a fault: it cannot be compiled, or (at render, in a header only) its place cannot hold one of
 * its secrets. Never quotes a value, which may be a credential.
 */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';

  constructor(
    /** Where in the definition, e.g. `body.messages[0].content`. */
    readonly field: string,
    readonly problem: string,
  ) {
    super(`${field}: ${problem}`);
  }
}

/** The client's value has a fault: its place in the template cannot hold it. */
export class RenderError extends Error {
  override readonly name = 'RenderError';

  constructor(
    readonly field: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${field}: ${problem}`, options);
  }
}
