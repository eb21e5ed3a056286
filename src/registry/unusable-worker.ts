import type { Power } from './power/power.js';
import type { Worker } from './worker.js';

/**
 * What a probe saw, in fixed words: a reason itself may hold addresses and text of an upstream, which clients do not get.
 * Of the texts of `health/probe/` and `upstream/classify-failure.ts`; the first that matches counts.
 */
const CAUSES: readonly (readonly [pattern: RegExp, cause: string])[] = [
  [/^answers again, not often enough yet/, 'answers again, not often enough yet'],
  [/connection refused/, 'connection refused'],
  [/reset the connection|closed the connection|broke off/, 'its connections break'],
  [/does not resolve|name server/, 'its host name does not resolve'],
  [/no route to| is down\b/, 'its host cannot be reached'],
  [/did not accept a connection/, 'it accepts no connection'],
  [/no TLS connection/, 'no TLS connection'],
  [/did not complete|within \d+ ms/, 'its probes get no answer in time'],
  [/heartbeat/, 'no heartbeat'],
  [/lists no model/, 'it does not serve the model'],
  [/body_contains/, 'its probes get an unexpected answer'],
];
const STATUS = /answered ([1-5]\d\d)\b/;

/** Why the registry keeps a worker from being used, for clients; `null`: it does not. */
export function unusableReason({
  adminState,
  health,
  healthReason,
  call,
  power = null,
}: Pick<Worker, 'adminState' | 'health' | 'healthReason' | 'call'> & Partial<Pick<Worker, 'power'>>):
  string | null {
  if (adminState !== 'enabled') return adminState;
  if ('fault' in call)
    return call.setting !== null
      ? 'that this replica cannot call, as its log says'
      : 'with a definition or credentials that cannot be used';
  if (power !== null && power.state !== 'awake') return asleepReason(power);
  if (health !== 'unhealthy') return null;
  const cause = causeOf(healthReason);
  return cause === null ? 'unhealthy' : `unhealthy (${cause})`;
}

function asleepReason({ state, failures, reason }: Power): string {
  if (state === 'waking') return 'asleep, waking';
  return failures === 0 ? 'asleep' : `asleep: waking failed because ${reason}`;
}

/** `2 unhealthy (connection refused), 1 disabled`: the most frequent first. */
export function countReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const sorted = [...counts].toSorted(([, one], [, other]) => other - one);
  return sorted.map(([reason, count]) => `${count} ${reason}`).join(', ');
}

function causeOf(reason: string): string | null {
  const cause = CAUSES.find(([pattern]) => pattern.test(reason))?.[1];
  if (cause !== undefined) return cause;
  const status = STATUS.exec(reason)?.[1];
  return status === undefined ? null : `its probes get HTTP ${status}`;
}
