/** The address to listen on can't be had. The message is for the operator and needs no stack. */
export class ListenError extends Error {
  constructor(host: string, port: number, cause: unknown) {
    super(`cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}: ${why(cause)}`, { cause });
    this.name = 'ListenError';
  }
}

function why(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use by another process. Stop that one, or set PORT to another port (0 takes any that is free)';
    case 'EACCES':
      return 'this user may not. Set PORT to 1024 or more';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address. Set HOST to one that it has';
    default:
      return String(cause);
  }
}
