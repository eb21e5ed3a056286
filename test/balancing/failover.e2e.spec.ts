import { describe, expect, it, onTestFinished } from 'vitest';
import { Balancer } from '../../src/balancing/balancer.js';
import { RequestAttempts } from '../../src/balancing/admission/request-attempts.js';
import { NO_TENANT } from '../../src/balancing/admission/tenant.js';
import {
  type Answer,
  type Behaviour,
  type FakeUpstream,
  slow,
  startFakeUpstream,
  text,
} from '../fakes/fake-upstream.js';
import { newFacts } from '../../src/telemetry/request-facts.js';
import { PATIENT_MS, until } from '../until.js';
import { serviceForTest, type TestService } from '../service.js';

/** Without probes, so that all effects come from requests. */
const UNPROBED = { health_check: { kind: 'none' } };
const REFUSED = /^worker execute error: connection refused by the worker$/;

async function upstreams(...behaviours: readonly Behaviour[]): Promise<readonly FakeUpstream[]> {
  const started = await Promise.all(behaviours.map((behaviour) => startFakeUpstream(behaviour)));
  onTestFinished(async () => {
    await Promise.all(started.map((upstream) => upstream.close()));
  });
  return started;
}

async function register(
  service: TestService,
  upstream: FakeUpstream | undefined,
  more: object = {},
): Promise<void> {
  const url = `${upstream?.url}/x`;
  const worker = {
    model_name: 'm',
    req_url_template: url,
    body: { q: '{USER_PROMPT}' },
    ...UNPROBED,
    ...more,
  };
  expect((await service.register(worker)).json).toMatchObject({ success: true });
}

interface View {
  readonly req_url_template: string;
  readonly in_flight: number;
  readonly ejected_until: string | null;
}

async function viewOf(service: TestService, upstream: FakeUpstream): Promise<View> {
  const { json } = await service.get('/api/server/workers?detail=true');
  const view = (json as { data: View[] }).data.find(({ req_url_template }) =>
    req_url_template.startsWith(upstream.url),
  );
  if (view === undefined) throw new Error('no such worker');
  return view;
}

const statusesOf = async (calls: readonly ReturnType<TestService['chat']>[]): Promise<readonly number[]> =>
  (await Promise.all(calls)).map(({ status }) => status);

const times = <T>(count: number, make: () => T): readonly T[] => Array.from({ length: count }, make);

describe('a worker that dies', () => {
  it('causes no failed call under 50 clients, and gets its share again when it is back', async () => {
    const service = await serviceForTest({
      tuning: { stats: { ejectionBaseMs: 300, ejectionMaxMs: 300 } },
      HEALTH_TIMEOUT_MS: '5000',
    });
    const [a, b, c] = await upstreams(slow(20, text('a')), slow(20, text('b')), slow(20, text('c')));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three upstreams');
    for (const upstream of [a, b, c])
      await register(service, upstream, { health_check: { interval_ms: 300 } });
    const statuses = new Map<number, number>();
    const traffic = { isOver: false };
    const clients = times(50, async () => {
      while (!traffic.isOver) {
        const { status } = await service.chat('m', 'hi');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    await until(() => b.calls > 100);
    await b.kill();
    const callsBefore = a.calls + c.calls;
    await until(() => a.calls + c.calls > callsBefore + 300, PATIENT_MS);
    await b.revive();
    const callsOfB = b.calls;
    await until(() => b.calls > callsOfB + 20, PATIENT_MS);
    traffic.isOver = true;
    await Promise.all(clients);
    expect([...statuses.keys()]).toEqual([200]);
  });

  it('is replaced by another worker; when all refuse connections, the answer is a 502 at once', async () => {
    const service = await serviceForTest();
    const [a, b] = await upstreams(text('a'), text('b'));
    await register(service, a);
    await register(service, b);
    await a?.kill();
    const answers = await Promise.all(times(10, () => service.chat('m', 'hi')));
    expect(answers.map(({ json }) => json)).toEqual(
      times(10, () => ({ success: true, msg: 'execute succeed', result: 'b' })),
    );
    await b?.kill();
    const failed = await service.chat('m', 'hi');
    expect(failed.status).toBe(502);
    expect(failed.json).toMatchObject({ success: false, msg: expect.stringMatching(REFUSED) });
  });
});

describe('a kept-alive connection that closes during a request', () => {
  /** Answers once per connection and closes it on the next request, like a server whose keep-alive timeout has just ended. */
  const onceEach = (close: (response: Parameters<Answer>[0]) => void): Answer => {
    const used = new WeakSet<object>();
    return (response, request) => {
      const { socket } = response;
      if (socket === null || used.has(socket)) return close(response);
      used.add(socket);
      text('fresh')(response, request);
    };
  };

  it.each<[string, (response: Parameters<Answer>[0]) => void]>([
    ['closes', (response) => response.socket?.end()],
    ['is reset', (response) => response.socket?.resetAndDestroy()],
  ])('does not fail a call to the only worker: %s', async (_how, close) => {
    const service = await serviceForTest();
    const [upstream] = await upstreams(onceEach(close));
    await register(service, upstream);
    await service.chat('m', 'opens a connection');
    for (let i = 0; i < 3; i++) {
      expect(await statusesOf(times(10, () => service.chat('m', 'hi')))).toEqual(times(10, () => 200));
    }
    expect(upstream?.calls).toBeGreaterThan(31);
  });

  it('causes one retry on a new connection, and no more', async () => {
    const service = await serviceForTest();
    const [upstream] = await upstreams(text('ok'));
    await register(service, upstream);
    expect((await service.chat('m', 'opens a connection')).status).toBe(200);
    upstream?.behave('closes');
    const failed = await service.chat('m', 'hi');
    expect(failed.status).toBe(502);
    expect(failed.json).toMatchObject({
      msg: expect.stringContaining('closed the connection without an answer'),
    });
    expect(upstream?.calls).toBe(3);
    expect((await service.chat('m', 'on a new connection from the start')).status).toBe(502);
    expect(upstream?.calls).toBe(4);
  });
});

describe('a worker that refused two connections', () => {
  const EJECTION_MS = 3_000;
  const ejectedFor = (ejectionBaseMs: number) => ({ tuning: { stats: { ejectionBaseMs } } });

  it('gets no requests during its ejection, even if it is back and was not probed', async () => {
    const service = await serviceForTest(ejectedFor(EJECTION_MS));
    const [upstream] = await upstreams(text('ok'));
    await register(service, upstream);
    await upstream?.kill();
    // An ejection begins later than this, and has a random part of a tenth.
    const sinceMs = performance.now();
    for (let i = 0; i < 2; i++) expect((await service.chat('m', 'hi')).status).toBe(502);
    await upstream?.revive();
    const statuses: number[] = [];
    await until(async () => {
      statuses.push((await service.chat('m', 'hi')).status);
      return statuses.at(-1) !== 503;
    });
    expect(performance.now() - sinceMs).toBeGreaterThan(EJECTION_MS * 0.9);
    expect(new Set(statuses)).toEqual(new Set([503, 200]));
    expect(upstream?.calls).toBe(1);
  });

  it('is then tried with one request at a time, and after two successes its limit doubles each time', async () => {
    // Round robin keeps using it; the default strategy would avoid it after the first refusal.
    const more = { BALANCING_STRATEGY: 'round_robin', HEALTH_FAILURES_DOWN: '100' };
    const service = await serviceForTest({ ...ejectedFor(500), ...more });
    const held: (() => void)[] = [];
    const [well, sick] = await upstreams(text('well'), (response, request) => {
      held.push(() => text('sick')(response, request));
    });
    if (well === undefined || sick === undefined) throw new Error('two upstreams');
    await register(service, well);
    await register(service, sick);
    await sick.kill();
    await until(async () => {
      await service.chat('m', 'hi');
      return (await viewOf(service, sick)).ejected_until !== null;
    });
    await sick.revive();
    await until(async () => (await viewOf(service, sick)).ejected_until === null);
    const most: number[] = [];
    for (let burst = 0; burst < 7; burst++) {
      const before = well.calls;
      const statuses = statusesOf(times(20, () => service.chat('m', 'hi')));
      // None of it ends before all have arrived: what the sick worker may not have is at the other one.
      await until(() => well.calls - before + held.length === 20);
      most.push(held.length);
      for (const answer of held.splice(0)) answer();
      expect(await statuses).toEqual(times(20, () => 200));
    }
    expect(most).toEqual([1, 1, 1, 2, 4, 8, 10]);
  });

  it('is ejected by refusals alone: a call that could not be sent does not count as a success', async () => {
    const service = await serviceForTest(ejectedFor(60_000));
    const [upstream] = await upstreams(text('ok'));
    if (upstream === undefined) throw new Error('an upstream');
    await register(service, upstream, { req_url_template: `${upstream.url}/{USER_PROMPT}` });
    await upstream.kill();
    const statuses = [];
    for (const input of ['hi', '..', 'hi', 'hi']) statuses.push((await service.chat('m', input)).status);
    expect(statuses).toEqual([502, 400, 502, 503]);
    const { headers, json } = await service.chat('m', 'hi');
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(json).toMatchObject({ success: false, msg: expect.stringContaining('unreachable a moment ago') });
  });
});

describe('the pick', () => {
  it('spreads 1000 requests at once over equal workers with a difference of at most one', async () => {
    const service = await serviceForTest();
    const equals = await upstreams(text('a'), text('b'), text('c'));
    for (const upstream of equals) await register(service, upstream, { max_concurrency: 1000 });
    const picks = new Map<string, number>();
    let release = (): void => {};
    const over = new Promise<void>((resolve) => (release = resolve));
    const acquired = times(1000, () =>
      service.app.get(Balancer).withWorker(
        {
          model: 'm',
          tried: new Set(),
          attempts: new RequestAttempts(),
          priority: 'default',
          tenant: NO_TENANT,
          isCommitted: () => false,
          deadlineMs: Infinity,
          signal: new AbortController().signal,
          facts: newFacts(),
        },
        (worker) => {
          picks.set(worker.id, (picks.get(worker.id) ?? 0) + 1);
          return over.then(() => 1);
        },
      ),
    );
    await until(() => [...picks.values()].reduce((sum, count) => sum + count, 0) === 1000);
    expect([...picks.values()].toSorted((x, y) => x - y)).toEqual([333, 333, 334]);
    release();
    await Promise.all(acquired);
    for (const upstream of equals) expect((await viewOf(service, upstream)).in_flight).toBe(0);
  });

  it('gives a worker of three times the weight three times the work', async () => {
    const service = await serviceForTest();
    const [light, heavy] = await upstreams('hangs', 'hangs');
    await register(service, light, { weight: 1 });
    await register(service, heavy, { weight: 3 });
    const calls = times(40, () => service.chat('m', 'hi').catch(() => {}));
    await until(() => (light?.calls ?? 0) + (heavy?.calls ?? 0) === 40);
    expect([9, 10, 11]).toContain(light?.calls);
    await Promise.all([light?.kill(), heavy?.kill()]);
    await Promise.all(calls);
  });

  it('uses a higher priority number only while no worker with a lower one is available', async () => {
    const service = await serviceForTest();
    const [first, second] = await upstreams(text('first'), text('second'));
    await register(service, first);
    await register(service, second, { priority: 1 });
    await Promise.all(times(20, () => service.chat('m', 'hi')));
    expect(second?.calls).toBe(0);
    await first?.kill();
    expect(await statusesOf(times(20, () => service.chat('m', 'hi')))).toEqual(times(20, () => 200));
    expect(second?.calls).toBe(20);
  });
});
