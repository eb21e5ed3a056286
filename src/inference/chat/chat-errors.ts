import { UpstreamError } from '../../upstream/failure.js';

/** The answer of an upstream violates the protocol that its worker is registered with, or reports a failure. */
export class ProtocolError extends UpstreamError {
  constructor(message: string, options?: ErrorOptions) {
    super('bad_answer', message, options);
  }
}

/** A request uses a field that the worker's API or template cannot express. */
export class UnsupportedFieldError extends Error {
  constructor(
    /** The path of the field in the OpenAI format, such as `messages[0].content[1]`. */
    readonly field: string,
    readonly problem: string,
  ) {
    super(`${field}: ${problem}`);
    this.name = 'UnsupportedFieldError';
  }
}
