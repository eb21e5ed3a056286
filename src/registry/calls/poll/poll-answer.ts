import { retryAfterMs } from '../../../upstream/retry-after.js';
import type { HttpAnswer, Kept } from '../../poll.js';

/** An answer with its parsed body; `undefined`: it is not JSON. */
export interface ReadAnswer {
  readonly status: number;
  readonly json: unknown;
  readonly isEmpty: boolean;
  readonly retryAfterMs: number | null;
}

/** Never throws. */
export function readAnswer({ status, headers, body }: HttpAnswer): ReadAnswer {
  return {
    status,
    json: jsonIn(body),
    isEmpty: body.length === 0,
    retryAfterMs: retryAfterMs(headers, Date.now()),
  };
}

function jsonIn(body: Buffer): unknown {
  try {
    const text = body.toString('utf8');
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch {
    return undefined;
  }
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** The upstream's words, if it has any, with the status. */
export function withStatus(words: string, status: number): string {
  return words === '' ? `HTTP ${status}` : `${words} (HTTP ${status})`;
}

const LONGEST_KEPT = 2048;

/** Text or a number that fits into a later request; `undefined`: neither. An empty text names nothing. */
export function keptValue(found: readonly unknown[], mayBeEmpty: boolean): Kept[string] | undefined {
  return found.find(
    (value): value is string | number =>
      (typeof value === 'string' && value.length <= LONGEST_KEPT && (mayBeEmpty || value !== '')) ||
      (typeof value === 'number' && Number.isFinite(value)),
  );
}
