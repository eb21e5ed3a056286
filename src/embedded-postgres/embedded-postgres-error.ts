export type EmbeddedPostgresFault =
  | 'UNSUPPORTED' // this system, or root on this system, cannot run the embedded server
  | 'MUSL'
  | 'NO_BINARIES'
  | 'NO_PASSWD_ENTRY'
  | 'UNREACHABLE' // a folder the server's user cannot get into, or one that is not to be trusted
  | 'IN_USE'
  | 'VERSION'
  | 'INITDB'
  | 'START';

/** The message names the problem and the remedy; it is shown unchanged. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  constructor(
    readonly code: EmbeddedPostgresFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
