import type { HealthState } from './health-state.js';

const MISSED = 'no heartbeat for three times its heartbeat_ttl_s, though its probes are good';

/** What is said of a worker that has missed three heartbeats: suspect at best, however good its probes are. */
export function afterMissedHeartbeats(before: HealthState, judged: HealthState, nowMs: number): HealthState {
  if (judged.health === 'suspect' || judged.health === 'unhealthy') return judged;
  const sinceMs = before.health === 'suspect' ? before.sinceMs : nowMs;
  return { ...judged, health: 'suspect', reason: MISSED, sinceMs };
}
