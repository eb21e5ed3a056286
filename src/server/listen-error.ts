/** The service cannot listen on its address. The message is for the operator and needs no stack trace. */
export class ListenError extends Error {
  /** @param variable that sets the port */
  constructor(
    host: string,
    port: number,
    cause: unknown,
    variable: 'PORT' | 'METRICS_PORT' | 'ADMIN_PORT' = 'PORT',
  ) {
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    super(`cannot listen on ${address}: ${reasonOf(cause, variable)}`, { cause });
    this.name = 'ListenError';
  }
}

function reasonOf(cause: unknown, variable: string): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `the port is in use by another process. Stop that process, or set ${variable} to another port (0 takes any free port)`;
    case 'EACCES':
      return `this user may not use the port. Set ${variable} to 1024 or more`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address. Set HOST to an address of this machine';
    default:
      return String(cause);
  }
}
