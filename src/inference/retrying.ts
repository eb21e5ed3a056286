import { NoWorkerAvailableError } from '../balancing/balancing-errors.js';
import { SecretMissingError } from '../credentials/worker-secrets.js';
import { UpstreamError } from '../upstream/upstream-error.js';

/** What an attempt must know of those before it. */
export interface Attempt {
  /** Workers that are not to be asked again; whoever is asked now is added. */
  readonly tried: Set<string>;
  /** The first is 1. */
  readonly number: number;
  /** On no kept connection: one of these has just failed. */
  readonly ownConnection: boolean;
}

/**
 * Runs an attempt until one succeeds, on another worker each time while there is one, as long as nothing can have been
 * done twice: only after a connection that was not made, or that ended before a byte of the answer came. When there is
 * nobody else, those that only closed a connection they had kept are asked once more, on a new one [RFC 9112, 9.3.1].
 * @throws what the last attempt that reached a worker threw
 */
export async function retrying<T>(run: (attempt: Attempt) => Promise<T>): Promise<T> {
  const tried = new Set<string>();
  const doneWithConnection = new Set<string>();
  let ownConnection = false;
  let last: unknown;
  for (let number = 1; ; number++) {
    try {
      return await run({ tried, number, ownConnection });
    } catch (error) {
      if (error instanceof NoWorkerAvailableError && last !== undefined) {
        if (ownConnection || doneWithConnection.size === 0) throw last;
        ownConnection = true;
        for (const id of doneWithConnection) tried.delete(id);
        number -= 1;
      } else {
        if (!mayGoElsewhere(error)) throw error;
        if (closedKeptConnection(error)) doneWithConnection.add([...tried].at(-1) ?? '');
        last = error;
      }
    }
  }
}

function closedKeptConnection(error: unknown): boolean {
  return error instanceof UpstreamError && error.kind === 'closed_before_answer' && error.reusedConnection;
}

export function mayGoElsewhere(error: unknown): boolean {
  // One of its secrets is not there: it was not called.
  if (error instanceof SecretMissingError) return true;
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
