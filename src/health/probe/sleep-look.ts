import { randomUUID } from 'node:crypto';
import type { UpstreamClient } from '../../upstream/upstream-client.js';
import { type ProbeResult, succeeded } from './probe-result.js';
import type { SleepLook } from './probe-target.js';

/** From here on, an answer is of a server or proxy in trouble, and says nothing of sleep unless it is the expected one. */
const FIRST_FAILING_STATUS = 500;

/**
 * Whether the worker shows that it is asleep; `null`: it does not answer this, which the rest of the probe judges. Never throws.
 * @param stop aborted: the answer means nothing
 */
export async function looksAsleep(
  { look, timeoutMs }: SleepLook,
  client: UpstreamClient,
  stop: AbortSignal,
): Promise<boolean | null> {
  try {
    const call = look.call(`health-${randomUUID()}`);
    const connectMs = Math.min(call.timeouts.connectMs, timeoutMs);
    const timeouts = { ...call.timeouts, connectMs, totalMs: timeoutMs };
    const answer = await client.send({ ...call, timeouts, freshConnection: true }, stop);
    if (look.holds(answer)) return true;
    return answer.status < FIRST_FAILING_STATUS ? false : null;
  } catch {
    return null;
  }
}

/** What a probe says of a worker that shows that it is asleep. */
export function asleep({ look }: SleepLook, ms: number): ProbeResult {
  return { ...succeeded(`asleep: ${look.expected}`, ms), isAsleep: true };
}
