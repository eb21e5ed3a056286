import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  startFakeUpstream,
  type FakeUpstream,
  text,
} from '../../../test/fakes/fake-upstream.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { UpstreamClient } from '../../upstream/upstream-client.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { Metrics } from '../../telemetry/metrics.js';
import { powerEvidence, sleeps } from '../scheduler/health-evaluator.js';
import { Prober } from './prober.js';
import type { ProbeTarget } from './probe-target.js';

const guard = new UpstreamGuard({ allowCidrs: [], denyCidrs: [], allowLoopback: true });
const client = new UpstreamClient(guard, { maxResponseBytes: 1_000_000 });
const prober = new Prober(guard, client, new Metrics());
const never = new AbortController().signal;
let upstream: FakeUpstream | null = null;

afterEach(() => upstream?.close());

/** Probes a server that answers `asleep_when` like this. */
async function probed(isSleeping: Answer): Promise<Awaited<ReturnType<Prober['probe']>>> {
  const server = await startFakeUpstream(isSleeping);
  upstream = server;
  const { origin } = new URL(server.url);
  const call = (): UpstreamCall => ({
    method: 'GET',
    origin,
    path: '/is_sleeping',
    headers: {},
    body: null,
    timeouts: { connectMs: 5_000, firstByteMs: null, idleMs: null, totalMs: 5_000 },
  });
  const holds: (answer: { status: number; text: string }) => boolean = (answer) =>
    answer.status === 200 && answer.text.includes('true');
  const target: ProbeTarget = {
    kind: 'http',
    url: `${origin}/health`,
    method: 'GET',
    timeoutMs: 10_000,
    expectedStatus: null,
    bodyContains: null,
    asleepWhen: { look: { call, holds, expected: 'GET /is_sleeping answers 200' }, timeoutMs: 2_000 },
  };
  return prober.probe(target, never);
}

const power = {
  state: 'awake',
  sinceMs: 0,
  reason: '',
  failures: 0,
  nextWakeAtMs: 0,
  usualWakeMs: null,
  isFallingAsleep: false,
} as const;
const worker = { power, healthCheck: {} } as Parameters<typeof sleeps>[0];

describe('a probe of a worker with asleep_when', () => {
  it('sees that it is asleep and requests nothing more', async () => {
    const seen = await probed(text('{"is_sleeping": true}'));
    expect(seen).toMatchObject({
      failure: null,
      detail: 'asleep: GET /is_sleeping answers 200',
      isAsleep: true,
    });
    expect(upstream?.probes).toBe(0);
    expect(powerEvidence(worker, seen)).toBe('shows_asleep');
    expect(sleeps(worker, seen)).toBe(true);
  });

  it('sees that it is awake and judges its health', async () => {
    const seen = await probed(text('{"is_sleeping": false}'));
    expect(seen).toMatchObject({
      failure: null,
      detail: expect.stringContaining('GET /health answered 200'),
      isAsleep: false,
    });
    expect(powerEvidence(worker, seen)).toBe('shows_awake');
    expect(powerEvidence({ power: null, healthCheck: {} }, seen)).toBeNull();
    expect(sleeps(worker, seen)).toBe(false);
  });

  it('takes a failing answer for no sign of either', async () => {
    const seen = await probed(text('no', 503));
    expect(seen.isAsleep).toBeUndefined();
    expect(seen.failure).toBeNull();
    expect(powerEvidence({ power, healthCheck: { kind: 'none' } }, seen)).toBeNull();
  });
});
