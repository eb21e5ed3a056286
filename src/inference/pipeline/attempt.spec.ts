import { describe, expect, it } from 'vitest';
import type { CallTimeouts } from '../../registry/worker.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { UpstreamError } from '../../upstream/failure.js';
import { withTimeouts } from './attempt.js';
import { deadlineOf } from '../client/request-headers.js';
import type { InferenceRequest } from '../client/inference-request.js';

const NOTHING_OWN: CallTimeouts = { connectMs: null, firstByteMs: null, idleMs: null, totalMs: null };
const CALL = {
  headers: {},
  timeouts: { connectMs: 1, firstByteMs: null, idleMs: null, totalMs: 600_000 },
} as unknown as UpstreamCall;

/** The timeout of a call that begins `afterMs` after its request arrived. */
function totalMs(callersMs: number | null, longestMs: number, ownMs: number | null, afterMs = 0): number {
  const headers = callersMs === null ? {} : { 'x-request-timeout-ms': String(callersMs) };
  const deadline = deadlineOf(headers, longestMs);
  const own = { ...NOTHING_OWN, totalMs: ownMs };
  const nowMs = deadline.arrivedMs + afterMs;
  return withTimeouts(CALL, deadline as InferenceRequest, nowMs, own, undefined, false).timeouts.totalMs;
}

describe('the timeout of a call', () => {
  it.each<[string, number, [number | null, number, number | null, number?]]>([
    ['as long as requests may', 600_000, [null, 600_000, null]],
    ['the timeout of its model, shorter or longer', 5_000, [null, 5_000, null]],
    ['the timeout of its model, shorter or longer', 900_000, [null, 900_000, null]],
    ['the timeout of its worker, shorter or longer', 5_000, [null, 600_000, 5_000]],
    ['the timeout of its worker, shorter or longer', 1_800_000, [null, 600_000, 1_800_000]],
    ['no longer than its client waits', 700_000, [700_000, 600_000, 1_800_000]],
    ['no longer than its client waits', 5_000, [5_000, 600_000, null]],
    ['at most the timeout of requests, whatever its client sends', 600_000, [900_000, 600_000, null]],
    ['what is left of that', 400_000, [null, 600_000, null, 200_000]],
    ['what is left of that', 1_600_000, [null, 600_000, 1_800_000, 200_000]],
    ['what is left of that', 5_000, [null, 600_000, 5_000, 200_000]],
  ])('is %s: %d ms', (_what, expected, given) => {
    expect(totalMs(...given)).toBe(expected);
  });

  it('fails at once when the time limit of the request passed before this worker was called', () => {
    expect(() => totalMs(5_000, 600_000, 1_800_000, 5_000)).toThrow(UpstreamError);
  });
});
