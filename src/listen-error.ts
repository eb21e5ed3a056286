/** The service cannot listen on its address. The message is for the operator and needs no stack trace. */
export class ListenError extends Error {
  constructor(host: string, port: number, cause: unknown) {
    super(`cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}: ${reasonOf(cause)}`, {
      cause,
    });
    this.name = 'ListenError';
  }
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use by another process. Stop that process, or set PORT to another port (0 takes any free port)';
    case 'EACCES':
      return 'this user may not use the port. Set PORT to 1024 or more';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address. Set HOST to an address of this machine';
    default:
      return String(cause);
  }
}
