import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import type { PowerCalls } from '../registry/power/power.js';
import { reasonForClient } from '../upstream/failure.js';
import type { UpstreamClient } from '../upstream/upstream-client.js';
import type { WakeLeases } from './wake-leases.js';

const LOOK_MS = 1_000;

/** `lost`: another replica, or a hand, took over. */
export type WakeResult = 'ok' | 'failed' | 'lost';

export interface Waking {
  readonly result: WakeResult;
  readonly tookMs: number;
  /** Without addresses: clients read it. */
  readonly reason: string;
}

/** Wakes a worker under the lease of this replica: its requests in order, then a look each second until it is ready. */
export async function wakeUp(
  workerId: string,
  power: PowerCalls,
  client: UpstreamClient,
  leases: WakeLeases,
  stop: AbortSignal,
): Promise<Waking> {
  const startedMs = performance.now();
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  let isLost = false;
  const renew = async (): Promise<void> => {
    // While the database is away, no other replica can take over either.
    if (await leases.renew(workerId).catch(() => true)) return;
    isLost = true;
    ended.abort();
  };
  const renewing = setInterval(() => void renew(), leases.renewMs);
  try {
    const reason = await requested(power, client, signal);
    const tookMs = performance.now() - startedMs;
    if (isLost || stop.aborted) return { result: 'lost', tookMs, reason: '' };
    return { result: reason === null ? 'ok' : 'failed', tookMs, reason: reason ?? '' };
  } finally {
    clearInterval(renewing);
  }
}

/** @returns why it failed; `null`: the worker is ready */
async function requested(
  power: PowerCalls,
  client: UpstreamClient,
  signal: AbortSignal,
): Promise<string | null> {
  const requestId = randomUUID();
  const timeUp = AbortSignal.timeout(power.wakeTimeoutMs);
  const bounded = AbortSignal.any([signal, timeUp]);
  const late = (seen: string): string => `it was not ready within ${power.wakeTimeoutMs / 1000} s (${seen})`;
  try {
    for (const call of power.wake(requestId)) {
      const { status } = await client.send(call, bounded);
      if (status >= 400) return `a wake request got HTTP ${status}`;
    }
  } catch (error) {
    return timeUp.aborted
      ? late('a wake request got no answer')
      : `a wake request failed: ${reasonForClient(error)}`;
  }
  let seen = 'nothing answered';
  while (!signal.aborted) {
    try {
      const answer = await client.send(power.ready.call(requestId), bounded);
      if (power.ready.holds(answer)) return null;
      seen = `its readiness check got HTTP ${answer.status}`;
    } catch (error) {
      if (!timeUp.aborted) seen = reasonForClient(error);
    }
    if (timeUp.aborted) break;
    await sleep(LOOK_MS, undefined, { signal: bounded }).catch(() => {});
  }
  return late(seen);
}

/** Writes what became of a waking, again and again while the database is away. @returns whether it was written under the lease */
export async function recordWaking(write: () => Promise<boolean>, stop: AbortSignal): Promise<boolean> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || stop.aborted) return false;
    }
    await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => {});
  }
}
