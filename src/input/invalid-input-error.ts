/** One fault of what a caller sent. */
export interface InputFault {
  /** The path of the field, such as `body.messages[0].content`; empty for the whole. */
  readonly field: string;
  /** What is wrong with it, and what would be right. */
  readonly problem: string;
}

/** What the caller sent can't be used as it is: every fault at once. */
export class InvalidInputError extends Error {
  constructor(readonly details: readonly InputFault[]) {
    super(details.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`)).join('; '));
    this.name = 'InvalidInputError';
  }
}
