import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import type { PowerCalls } from '../registry/power/power.js';
import { reasonForClient, UpstreamError } from '../upstream/failure.js';
import type { UpstreamCall, UpstreamClient } from '../upstream/upstream-client.js';
import type { SleepClaim, SleepLeases } from './sleep-leases.js';

const LOOK_MS = 1_000;
/** Replicas report within 0.5 s of hearing of the mark; without LISTEN they hear of it within 10 s. */
const QUIET_WITHIN_MS = 30_000;
const ASK_MS = 250;
/** A container has 30 s to end by default [kubernetes.io: terminationGracePeriodSeconds]. */
const ASLEEP_WITHIN_MS = 60_000;

/** `back`: it stays awake, and nothing was sent. `left`: this replica stops, and knows nothing of it. `lost`: something else took over. */
export type SleepResult = 'ok' | 'failed' | 'back' | 'left' | 'lost';

export interface FallingAsleep {
  readonly result: SleepResult;
  /** Without addresses: clients may read it. */
  readonly reason: string;
}

/** Sends a worker that is marked asleep to sleep, once no request is left there on any replica. Writes nothing of the result. */
export async function fallAsleep(
  claim: SleepClaim,
  power: PowerCalls,
  client: UpstreamClient,
  leases: SleepLeases,
  stop: AbortSignal,
): Promise<FallingAsleep> {
  const lease = new HeldLease(claim, leases, stop);
  try {
    const early = await untilQuiet(claim, leases, lease);
    if (early !== null) return early;
    const reason = await requested(power, client, lease.signal);
    if (lease.isLost) return { result: 'lost', reason: '' };
    if (stop.aborted) return { result: 'left', reason: 'its replica stopped' };
    return reason === null ? { result: 'ok', reason: '' } : { result: 'failed', reason };
  } finally {
    lease.end();
  }
}

/** @returns `null`: no request is left there, and the lease has begun */
async function untilQuiet(
  claim: SleepClaim,
  leases: SleepLeases,
  lease: HeldLease,
): Promise<FallingAsleep | null> {
  const endMs = performance.now() + QUIET_WITHIN_MS;
  while (performance.now() < endMs) {
    if (lease.isLost) return { result: 'lost', reason: '' };
    if (lease.signal.aborted) return { result: 'back', reason: 'its replica stopped' };
    try {
      const begun = await leases.begin(claim);
      if (begun === 'lost') return { result: 'lost', reason: '' };
      if (begun === 'unwanted') return { result: 'back', reason: 'it was taken out of use' };
      if (begun === 'begun') {
        lease.begun();
        return null;
      }
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
    }
    await pause(ASK_MS, undefined, { signal: lease.signal }).catch(() => {});
  }
  return {
    result: 'failed',
    reason: `a replica had requests there, or did not report, for ${QUIET_WITHIN_MS / 1000} s`,
  };
}

/** @returns why it failed; `null`: the worker is asleep */
async function requested(
  power: PowerCalls,
  client: UpstreamClient,
  signal: AbortSignal,
): Promise<string | null> {
  const requestId = randomUUID();
  try {
    for (const call of power.sleep?.requests(requestId) ?? []) {
      const { status } = await client.send(call, signal);
      if (status >= 400) return `a sleep request got HTTP ${status}`;
    }
  } catch (error) {
    return `a sleep request failed: ${reasonForClient(error)}`;
  }
  const endMs = performance.now() + ASLEEP_WITHIN_MS;
  while (!signal.aborted && performance.now() < endMs) {
    if (await sleepsNow(power, client, requestId, signal)) return null;
    await pause(LOOK_MS, undefined, { signal }).catch(() => {});
  }
  const expected = power.asleepWhen?.expected ?? `no longer ${power.ready.expected}`;
  return `it did not fall asleep within ${ASLEEP_WITHIN_MS / 1000} s (${expected})`;
}

/** It shows so; without `asleep_when`, when it is not ready any more. A worker that takes no connection sleeps in any case. */
async function sleepsNow(
  { asleepWhen, ready }: PowerCalls,
  client: UpstreamClient,
  requestId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const look = asleepWhen ?? ready;
  try {
    const call: UpstreamCall = { ...look.call(requestId), freshConnection: true };
    return look.holds(await client.send(call, signal)) === (asleepWhen !== null);
  } catch (error) {
    return error instanceof UpstreamError && (error.kind === 'connect' || error.kind === 'connect_timeout');
  }
}

/** Renews the lease while it lasts. Unlike a waking, which is harmless when it comes twice, this ends when it may be over. */
class HeldLease {
  isLost = false;
  private hasBegun = false;
  private renewedMs = performance.now();
  private readonly ended = new AbortController();
  private readonly renewing: NodeJS.Timeout;
  readonly signal: AbortSignal;

  constructor(
    private readonly claim: SleepClaim,
    private readonly leases: SleepLeases,
    stop: AbortSignal,
  ) {
    this.signal = AbortSignal.any([stop, this.ended.signal]);
    this.renewing = setInterval(() => void this.renew(), leases.settings.renewMs);
  }

  /** `begin` has renewed it. */
  begun(): void {
    this.hasBegun = true;
    this.renewedMs = performance.now();
  }

  end(): void {
    clearInterval(this.renewing);
  }

  private async renew(): Promise<void> {
    const atMs = performance.now();
    try {
      if (await this.leases.renew(this.claim, this.hasBegun)) this.renewedMs = atMs;
      else this.lose();
    } catch {
      const { leaseMs, renewMs } = this.leases.settings;
      // It may be over before the next renewal.
      if (performance.now() - this.renewedMs >= leaseMs - renewMs) this.lose();
    }
  }

  private lose(): void {
    this.isLost = true;
    this.ended.abort();
  }
}
