/** A question to the observer in a replica. */
export interface Question {
  readonly id: number;
  readonly what: 'turns' | 'memory' | 'snapshot' | 'profile' | 'profiled';
  /** Of the file to write. */
  readonly path?: string;
}

/** How long the event loop was busy, since the last question. */
export interface Turns {
  /** CPU time of the main thread in the longest turn: what the service itself blocks. */
  readonly longestCpuMs: number;
  /** Turns of more than 50 ms. */
  readonly over50: number;
  /** By monitorEventLoopDelay: includes the time in which the machine ran something else. */
  readonly maxMs: number;
  readonly p99Ms: number;
  /** CPU time of the process since its start. */
  readonly cpuMs: number;
}

/** Bytes after a full garbage collection; open file descriptors. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly files: number;
}
