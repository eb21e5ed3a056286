import { describe, expect, it } from 'vitest';
import { type Answer, type Behaviour, type FakeUpstream, json, slow, text } from '../fakes/fake-upstream.js';
import { upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';

const fine = text('fine');
const fails = json({ error: 'no' }, 500);
const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const callsOf = (upstreams: readonly FakeUpstream[]): readonly number[] =>
  upstreams.map(({ calls }) => calls);

/** Workers of the model `m` that differ only in their behaviour. There are no probes. */
async function workers(
  service: TestService,
  behaviours: readonly Behaviour[],
  more: object = {},
): Promise<readonly FakeUpstream[]> {
  const upstreams: FakeUpstream[] = [];
  for (const behaviour of behaviours) {
    const upstream = await upstreamForTest(behaviour);
    const { json: answer } = await service.register({
      model_name: 'm',
      req_url_template: `${upstream.url}/x`,
      body: { q: '{USER_PROMPT}' },
      health_check: { kind: 'none' },
      ...more,
    });
    expect(answer).toMatchObject({ success: true });
    upstreams.push(upstream);
  }
  return upstreams;
}

/** Answers wait in `held`, in the order of their requests, until the case lets them go. */
function gate() {
  const held: (() => void)[] = [];
  const holds =
    (answer: Answer): Answer =>
    (...of) =>
      void held.push(() => answer(...of));
  return { held, holds };
}

/** Sends `count` requests, `atOnce` at a time. */
async function call(service: TestService, count: number, atOnce: number): Promise<readonly number[]> {
  const statuses: number[] = [];
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) statuses.push((await service.chat('m', `${left}`)).status);
  };
  await Promise.all(times(atOnce, client));
  return statuses;
}

describe('"identical workers are not balanced: 94 % to one of four, ties pick the first" (litellm #39322, #37622; FastChat #3484)', () => {
  // Of 120 calls, one of four equal workers gets 30 ± 4.7 by chance. The bounds are at five deviations: a pause of the machine
  // looks like a slow worker, and long answers make it weigh less.
  it.each([
    ['one after another', 1],
    ['twelve at once', 12],
  ])('distributes 120 calls, %s, evenly over all four', async (_how, atOnce) => {
    const service = await serviceForTest();
    const four = await workers(
      service,
      times(4, () => slow(20, fine)),
    );
    expect(new Set(await call(service, 120, atOnce))).toEqual(new Set([200]));
    for (const calls of callsOf(four)) {
      expect(calls).toBeGreaterThan(6);
      expect(calls).toBeLessThan(54);
    }
  });

  it('sends four calls at once to four workers', async () => {
    const service = await serviceForTest();
    const { holds, held } = gate();
    const four = await workers(
      service,
      times(4, () => holds(fine)),
    );
    const calls = call(service, 4, 4);
    await until(() => held.length === 4);
    expect(callsOf(four)).toEqual([1, 1, 1, 1]);
    for (const answer of held) answer();
    await calls;
  });
});

describe('"25 consecutive 500s stay in rotation; a second cooldown shortens the first; retries go A, A, A, B" (litellm PR #34836, #40130; deltallm #247)', () => {
  // This strategy would keep using it.
  const settings = { BALANCING_STRATEGY: 'round_robin' };
  /** Longer than any case takes. */
  const ejectionBaseMs = 60_000;

  it('ejects a worker after three 500s in a row', async () => {
    const service = await serviceForTest({ ...settings, tuning: { stats: { ejectionBaseMs } } });
    const [sick] = await workers(service, [fails, fine]);
    expect(new Set(await call(service, 30, 1))).toEqual(new Set([200]));
    expect(sick?.calls).toBe(3);
  });

  it('does not move the time of the next trial for failures that arrive during an ejection', async () => {
    const service = await serviceForTest({ ...settings, tuning: { stats: { ejectionBaseMs } } });
    const { holds, held } = gate();
    await workers(service, [holds(fails), fine]);
    const calls = call(service, 10, 10);
    await until(() => held.length === 5);
    for (const answer of held.splice(0, 3)) answer();
    const ejectedUntil = async () =>
      (await viewsOf(service, 'm')).map((view) => view['ejected_until'] as string | null).find(Boolean) ??
      null;
    await until(async () => (await ejectedUntil()) !== null);
    const before = Date.parse((await ejectedUntil()) ?? '');
    for (const answer of held.splice(0)) answer();
    await calls;
    expect(held).toEqual([]);
    // A second ejection would end a minute later; the time itself is converted anew for each view.
    expect(Math.abs(Date.parse((await ejectedUntil()) ?? '') - before)).toBeLessThan(10_000);
  });

  it('retries at another worker, never at the one that has just refused', async () => {
    const service = await serviceForTest({
      ...settings,
      tuning: { stats: { failuresInARow: 100, successSamples: 100 }, retry: { atLeast: 1_000 } },
    });
    const upstreams = await workers(service, [fails, fails, fine], { max_concurrency: 100 });
    expect(new Set(await call(service, 30, 1))).toEqual(new Set([200]));
    for (const { requests } of upstreams) {
      const prompts = requests.map(({ body }) => body);
      expect(new Set(prompts).size).toBe(prompts.length);
    }
  });
});

describe('"a worker that fails fast draws more traffic" (any least-busy router; simulated: 56 % of it)', () => {
  it.each(['least_load', 'least_request', 'power_of_two', 'peak_ewma'])(
    '%s sends almost nothing to one of four that fails at once, and clients see no failure',
    async (strategy) => {
      // No failure is known when the first twenty calls arrive: the retry budget covers as many as may fail below.
      const service = await serviceForTest({
        BALANCING_STRATEGY: strategy,
        tuning: { retry: { atLeast: 25 }, stats: { ejectionBaseMs: 60_000 } },
      });
      const [hole] = await workers(service, [fails, ...times(3, () => slow(20, fine))]);
      expect(new Set(await call(service, 400, 20))).toEqual(new Set([200]));
      // Twenty calls may be running before the worker has failed three times.
      expect(hole?.calls).toBeLessThan(25);
    },
  );
});

describe('"one hung backend blocks all: no timeouts" (production-stack #749)', () => {
  it('serves calls to the other workers; calls to the hung one get a 504 in time', async () => {
    const service = await serviceForTest();
    const [hung, well] = await workers(service, ['hangs', slow(5, fine)], { timeouts: { total_ms: 12_000 } });
    const unlucky = times(4, () => service.chat('m', 'hi'));
    await until(() => (hung?.calls ?? 0) + (well?.calls ?? 0) === 4 && (hung?.calls ?? 0) > 0);
    const hungBefore = hung?.calls ?? 0;
    // While the calls at the other worker run, both are as busy.
    await until(async () => (await viewsOf(service, 'm'))[1]?.['in_flight'] === 0);
    const others = await call(service, 10, 1);
    expect((await viewsOf(service, 'm')).map(({ in_flight }) => in_flight)).toEqual([hungBefore, 0]);
    expect(new Set(others)).toEqual(new Set([200]));
    const statuses = (await Promise.all(unlucky)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 504)).toHaveLength(hungBefore);
    // Timeouts count as failures of the worker.
    await call(service, 40, 2);
    expect((hung?.calls ?? 0) - hungBefore).toBeLessThan(6);
    expect(well?.calls).toBeGreaterThan(40);
  });
});
