/** This replica follows changes for as many clients as it can. */
export class TooManyStreamsError extends Error {
  override readonly name = 'TooManyStreamsError';

  constructor(most: number) {
    super(
      `this replica streams changes to ${most} clients already; try again, and share one stream in a browser`,
    );
  }
}
