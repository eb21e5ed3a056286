import { randomUUID } from 'node:crypto';
import { UpstreamError } from '../../upstream/upstream-error.js';
import type { UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import type { InferenceTarget } from './probe-target.js';
import { type Sighting, wentWell, wentWrong } from './sighting.js';

const TOO_MANY_REQUESTS = 429;

/** One real call: well if an answer can be read out of it. Never throws. */
export async function probeInference(
  target: InferenceTarget,
  client: UpstreamClient,
  stop: AbortSignal,
): Promise<Sighting> {
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  try {
    const answer = await client.send(callOf(target), stop);
    const seen = `an inference answered ${answer.status} in ${Math.round(elapsedMs())} ms`;
    // Busy is not sick.
    if (answer.status === TOO_MANY_REQUESTS) return wentWell(`reachable only: ${seen}`, elapsedMs(), false);
    if (answer.status < 200 || answer.status >= 300) return wentWrong(seen, elapsedMs());
    target.read(answer);
    return wentWell(seen, elapsedMs(), false);
  } catch (error) {
    const isSilent = error instanceof UpstreamError && error.kind === 'timeout' && error.during !== 'connect';
    const why = error instanceof Error ? error.message : String(error);
    return wentWrong(`an inference failed: ${why}`, elapsedMs(), { isSilent });
  }
}

function callOf({ render, timeoutMs }: InferenceTarget): UpstreamCall {
  const rendered = render(`health-${randomUUID()}`);
  const connectMs = Math.min(rendered.timeouts.connectMs, timeoutMs);
  const timeouts = { connectMs, firstByteMs: null, idleMs: null, totalMs: timeoutMs };
  // A kept connection may be one that the server has just closed: that would be no sign of illness.
  return { ...rendered, timeouts, ownConnection: true };
}
