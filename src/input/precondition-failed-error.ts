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
