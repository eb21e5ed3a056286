/** Reads the same thing again and again, one reading at a time. */
export interface Reader {
  /** Reads once more, when the reading that is on its way has ended: many changes do not keep it from ending. */
  readonly again: () => void;
  /** Reads now; what is on its way is dropped. */
  readonly anew: () => void;
  readonly stop: () => void;
}

/** @param read shows what it has read, unless the signal is aborted; never rejects */
export function readerOf(read: (signal: AbortSignal) => Promise<void>): Reader {
  let running: AbortController | null = null;
  let isStale = false;
  const stop = (): void => {
    running?.abort();
    running = null;
  };
  const anew = async (): Promise<void> => {
    stop();
    const own = (running = new AbortController());
    do {
      isStale = false;
      await read(own.signal);
    } while (isStale && !own.signal.aborted);
    if (running === own) running = null;
  };
  return {
    again: () => {
      if (running === null) void anew();
      else isStale = true;
    },
    anew: () => void anew(),
    stop,
  };
}
