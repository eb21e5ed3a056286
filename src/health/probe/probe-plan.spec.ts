import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { ANY_CHOICE } from '../../template/choices.js';
import type { HealthCheck, Worker, WorkerFault } from '../../registry/worker.js';
import { planProbe, type ProbePlan } from './probe-plan.js';

const settings = {
  intervalMs: 5_000,
  publicIntervalMs: 30_000,
  fastIntervalMs: 1_000,
  downIntervalMs: 30_000,
  jitter: 0.2,
  timeoutMs: 2_000,
  failuresDown: 3,
  successesUp: 2,
  servedMs: 30_000,
  reportMs: 20_000,
  silenceMs: 60_000,
  ejectionLimitShare: 0.3,
  warmingMs: 30_000,
  tickMs: 500,
  leaseMs: 15_000,
  concurrency: 32,
  probeRequestIntervalMs: 5_000,
};

const LIMITS = {
  failuresDown: 3,
  successesUp: 2,
  servedMs: 30_000,
  reportMs: 20_000,
  silenceMs: 60_000,
  warmingMs: 30_000,
};

function aWorker(healthCheck: unknown, origin = 'http://10.0.0.3:8000', fault?: string): Worker {
  return {
    id: '0',
    version: '1',
    modelName: 'm',
    name: '',
    url: `${origin}/api/generate?key=secret`,
    adminState: 'enabled',
    adminStateSinceMs: 0,
    health: 'unknown',
    healthReason: 'not probed yet',
    power: null,
    weight: 1,
    priority: 0,
    maxConcurrency: 64,
    task: 'chat',
    defaults: {},
    onDisconnect: 'abort',
    healthCheck: healthCheck as HealthCheck,
    generation: 1,
    createdAt: new Date(0),
    call:
      fault === undefined
        ? {
            kind: 'template',
            requireSecrets: () => {},
            upstreamModel: null,
            origin,
            stream: null,
            usage: null,
            poll: null,
            ownTimeouts: { connectMs: null, firstByteMs: null, idleMs: null, totalMs: null },
            requires: null,
            choices: ANY_CHOICE,
            takesMedia: false,
            takesImageBytes: false,
            placeholders: new Set(),
            render: () => never(),
            extract: () => never(),
          }
        : { fault, setting: 'keys' },
  };
}

function never(): never {
  throw new Error('a probe calls no worker');
}

function plan(healthCheck: unknown, origin?: string): ProbePlan {
  const made = planProbe(aWorker(healthCheck, origin), settings);
  if ('fault' in made) throw new Error(made.fault);
  return made;
}

const fault = (healthCheck: unknown) => (planProbe(aWorker(healthCheck), settings) as WorkerFault).fault;

describe('planProbe', () => {
  it('sends GET /health to the origin by default, whatever the URL, and shares the probe with its neighbours', () => {
    const made = plan({});
    expect(made).toEqual({
      target: {
        kind: 'http',
        url: 'http://10.0.0.3:8000/health',
        method: 'GET',
        timeoutMs: 2_000,
        expectedStatus: null,
        bodyContains: null,
      },
      sharedBy: 'http://10.0.0.3:8000 2000',
      intervalMs: null,
      limits: { ...LIMITS, isOwners: false },
    });
    expect(plan({ interval_ms: 900, failures_down: 1 }).sharedBy).toBe(made.sharedBy);
    expect(plan({}, 'http://10.0.0.3:8001').sharedBy).not.toBe(made.sharedBy);
    expect(plan({ timeout_ms: 300 }).sharedBy).not.toBe(made.sharedBy);
  });

  it('follows a health_check and does not share its probe', () => {
    const check = {
      path: '/ready?deep=1',
      method: 'HEAD',
      expected_status: 204,
      interval_ms: 700,
      timeout_ms: 300,
      failures_down: 1,
      successes_up: 5,
    };
    expect(plan(check)).toEqual({
      target: {
        kind: 'http',
        url: 'http://10.0.0.3:8000/ready?deep=1',
        method: 'HEAD',
        timeoutMs: 300,
        expectedStatus: 204,
        bodyContains: null,
      },
      sharedBy: null,
      intervalMs: 700,
      limits: { ...LIMITS, failuresDown: 1, successesUp: 5, isOwners: true },
    });
  });

  it('treats only fields that define the request as a check of the owner, which is followed to the letter', () => {
    const isOwners = (check: unknown) => plan(check).limits.isOwners;
    expect(isOwners({ kind: 'http', interval_ms: 700, timeout_ms: 300, failures_down: 1 })).toBe(false);
    const own = [
      { path: '/health' },
      { method: 'HEAD' },
      { expected_status: 200 },
      { kind: 'tcp' },
      { kind: 'inference' },
    ];
    expect(own.map(isOwners)).toEqual(own.map(() => true));
  });

  it('makes the smallest possible inference, seldom, and with time for an answer', () => {
    const made = plan({ kind: 'inference' });
    expect(made).toMatchObject({ intervalMs: 60_000, sharedBy: null });
    expect(made.target).toMatchObject({ kind: 'inference', timeoutMs: 13_500 });
    const own = plan({ kind: 'inference', prompt: 'well?', interval_ms: 5_000, timeout_ms: 900 });
    expect(own).toMatchObject({ intervalMs: 5_000, target: { timeoutMs: 900 } });
  });

  it('finds the host and port of a TCP connection', () => {
    const to = (origin: string) => plan({ kind: 'tcp' }, origin).target;
    expect(to('http://worker')).toEqual({ kind: 'tcp', host: 'worker', port: 80, timeoutMs: 2_000 });
    expect(to('https://worker')).toMatchObject({ port: 443 });
    expect(to('http://[fd00::1]:9000')).toMatchObject({ host: 'fd00::1', port: 9_000 });
  });

  it('ends a probe before its lease', () => {
    expect(plan({ timeout_ms: 14_000 }).target).toMatchObject({ timeoutMs: 13_500 });
  });

  it('reports why a worker cannot be called instead of probing it', () => {
    const worker = aWorker({}, 'http://10.0.0.3:8000', 'credentials missing');
    expect(planProbe(worker, settings)).toEqual({ fault: 'credentials missing', setting: 'keys' });
  });

  it.each([
    ['text', / health_check must be an object/],
    [[1], / health_check must be an object/],
    [{ kind: 'carrier pigeon' }, / health_check\.kind: must be one of http, tcp, inference, none$/],
    [{ path: '@evil.example/' }, / health_check\.path: must begin with \//],
    [{ timeout_ms: 'soon' }, / health_check\.timeout_ms: must be a whole number, not this string$/],
    [{ failures_down: 0 }, / health_check\.failures_down: must be from 1 to 100, not 0$/],
    [{ pathh: '/x' }, / health_check\.pathh: is not a field here; leave it out$/],
  ])('reports the invalid health_check %j as a fault', (check, words) => {
    expect(fault(check)).toMatch(words);
  });

  it('treats null as a missing field', () => {
    expect(plan({ kind: null, path: null, timeout_ms: null })).toEqual(plan({}));
  });
});
