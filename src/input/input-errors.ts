/** One fault of what a caller sent. */
export interface InputFault {
  /** The path of the field, such as `body.messages[0].content`; empty for the whole. */
  readonly field: string;
  /** What is wrong with it, and what would be right. */
  readonly problem: string;
}

/** No caller reads more, and what is sent back must not outgrow what was sent. */
const MOST_TOLD = 50;
const LONGEST_FIELD = 300;

/** What the caller sent can't be used as it is: every fault at once, up to a number. */
export class InvalidInputError extends Error {
  readonly details: readonly InputFault[];

  constructor(faults: readonly InputFault[]) {
    const told = faults
      .slice(0, MOST_TOLD)
      .map(({ field, problem }) => ({ field: shortened(field), problem }));
    const more = faults.length - told.length;
    super(
      told.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`)).join('; ') +
        (more === 0 ? '' : `; and ${more} more`),
    );
    this.name = 'InvalidInputError';
    this.details = told;
  }
}

function shortened(field: string): string {
  return field.length <= LONGEST_FIELD ? field : `${field.slice(0, LONGEST_FIELD)}…`;
}

/** What is to be changed was changed by somebody else since the caller last saw it. */
export class PreconditionFailedError extends Error {
  override readonly name = 'PreconditionFailedError';

  constructor(
    readonly expected: readonly number[],
    readonly actual: number,
  ) {
    super(
      `If-Match says generation ${expected.join(' or ')}, but it is ${actual} by now: read it again and decide anew`,
    );
  }
}
