import { NoWorkerAvailableError } from '../balancing/balancing-errors.js';
import { UpstreamError } from '../upstream/upstream-error.js';

/**
 * Runs an attempt until one succeeds, on another worker each time while there is one, as long as nothing can have been
 * done twice: only after a connection that was not made, or that ended before a byte of the answer came.
 * @throws what the last attempt that reached a worker threw
 */
export async function retrying<T>(attempt: (tried: Set<string>) => Promise<T>): Promise<T> {
  const tried = new Set<string>();
  let last: unknown;
  for (;;) {
    try {
      return await attempt(tried);
    } catch (error) {
      if (error instanceof NoWorkerAvailableError && last !== undefined) throw last;
      if (!mayGoElsewhere(error)) throw error;
      last = error;
    }
  }
}

export function mayGoElsewhere(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  switch (error.kind) {
    case 'connect':
    case 'closed_before_answer':
    case 'forbidden':
      return true;
    case 'timeout':
      return error.during === 'connect';
    case 'broken':
    case 'malformed':
    case 'too_large':
    case 'aborted':
      return false;
  }
}
