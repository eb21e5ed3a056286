import { UpstreamError } from '../../upstream/upstream-errors.js';

/** An upstream's answer does not follow the protocol its worker was registered with, or says that it failed. */
export class ProtocolError extends UpstreamError {
  constructor(message: string, options?: ErrorOptions) {
    super('malformed', message, { answerBegan: true, cause: options?.cause });
  }
}

/** The caller asks for what this protocol has no words for. */
export class UnsupportedFieldError extends Error {
  constructor(
    /** The path of the field in OpenAI's words, such as `messages[0].content[1]`. */
    readonly field: string,
    readonly problem: string,
  ) {
    super(`${field}: ${problem}`);
    this.name = 'UnsupportedFieldError';
  }
}
