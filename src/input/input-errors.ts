/** One fault in what a client sent. */
export interface InputFault {
  /** The path of the field, such as `body.messages[0].content`; empty for the whole body. */
  readonly field: string;
  /** What is wrong with it, and what is accepted. */
  readonly problem: string;
}

/** More faults help no reader, and an answer must not outgrow its request. */
const MAX_DETAILS = 50;
const MAX_FIELD_LENGTH = 300;

/** What a client sent cannot be used. Lists every fault at once, up to a number. */
export class InvalidInputError extends Error {
  readonly details: readonly InputFault[];

  constructor(faults: readonly InputFault[]) {
    const details = faults
      .slice(0, MAX_DETAILS)
      .map(({ field, problem }) => ({ field: shortened(field), problem }));
    const more = faults.length - details.length;
    super(
      details.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`)).join('; ') +
        (more === 0 ? '' : `; and ${more} more`),
    );
    this.name = 'InvalidInputError';
    this.details = details;
  }
}

/** The body has a content coding that is not taken. */
export class CompressedBodyError extends Error {
  override readonly name = 'CompressedBodyError';

  constructor(
    coding: string,
    /** The codings that are. */
    readonly accepted: string,
  ) {
    super(
      `content-encoding: ${coding.slice(0, 50)} is not supported; send the body as ${accepted}, or uncompressed`,
    );
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

/** The object changed since the client read it (`If-Match`). */
export class PreconditionFailedError extends Error {
  override readonly name = 'PreconditionFailedError';

  constructor(
    readonly expected: readonly number[],
    readonly actual: number,
  ) {
    super(
      `If-Match: expects generation ${expected.join(' or ')}, but the generation is ${actual}; read it again and repeat the change`,
    );
  }
}

function shortened(field: string): string {
  return field.length <= MAX_FIELD_LENGTH ? field : `${field.slice(0, MAX_FIELD_LENGTH)}…`;
}
