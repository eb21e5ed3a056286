/** The request that is repeated. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The request for a bare socket: a client that parses would measure itself. */
export function requestBytes({ url, headers, body }: Target): Buffer {
  const { host, pathname } = new URL(url);
  const lines = Object.entries({ host, 'content-length': String(Buffer.byteLength(body)), ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head}\r\n${body}`);
}

/** A command to the load generator. */
export interface LoadRequest {
  readonly target: Target;
  readonly concurrency: number;
  readonly durationMs: number;
}

/** Its result; every answer was a 200. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** CPU and memory that a process has used since it started. */
export interface Usage {
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly rssMiB: number;
  /** Of JavaScript, after a collection if one was requested. */
  readonly heapMiB: number;
}
