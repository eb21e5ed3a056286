/**
 * The worker's definition is at fault: it can't be compiled, or (at render, in a header only) one of its
 * secrets can't stand where it was put. Never quotes a value, which may be a credential.
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

/** The caller's value is at fault: it can't stand where the template puts it. */
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
