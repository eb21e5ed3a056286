import { describe, expect, it } from 'vitest';
import { type Answer, type FakeUpstream, json, slow, text } from '../fakes/fake-upstream.js';
import { upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';

const fine = text('fine');
const fails = json({ error: 'no' }, 500);
/** Prompts that make every worker fail, for example by crashing a tokenizer. */
const POISON = 'poison';
const failsOnPoison: Answer = (response, request) =>
  (request.body.includes(POISON) ? fails : fine)(response, request);
const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));

/** Equal workers of the model `m`, without probes. */
async function register(service: TestService, answers: readonly Answer[], more: object = {}) {
  const upstreams: FakeUpstream[] = [];
  for (const answer of answers) {
    const upstream = await upstreamForTest(answer);
    const { json: result } = await service.register({
      model_name: 'm',
      req_url_template: `${upstream.url}/x`,
      body: { q: '{USER_PROMPT}' },
      health_check: { kind: 'none' },
      ...more,
    });
    expect(result).toMatchObject({ success: true });
    upstreams.push(upstream);
  }
  return upstreams;
}

/** Sends 90 requests, six at once, every third one with a bad prompt. @returns the statuses of good and of bad prompts */
async function sendMixed(service: TestService) {
  const statuses = { others: new Set<number>(), poisoned: new Set<number>() };
  let left = 90;
  const send = async (): Promise<void> => {
    while (left > 0) {
      const isPoisoned = left-- % 3 === 0;
      const { status } = await service.chat('m', isPoisoned ? POISON : 'hi');
      (isPoisoned ? statuses.poisoned : statuses.others).add(status);
    }
  };
  await Promise.all(times(6, send));
  return statuses;
}

const ejectedOf = async (service: TestService): Promise<readonly unknown[]> =>
  (await viewsOf(service, 'm'))
    .filter((view) => view['ejected_until'] !== null)
    .map((view) => view['req_url_template']);

describe('prompts that fail at every worker', () => {
  it.each([1, 3, 4])('affect no other request and eject none of %i workers', async (count) => {
    const service = await serviceForTest();
    await register(
      service,
      times(count, () => failsOnPoison),
    );
    const { others, poisoned } = await sendMixed(service);
    expect([...others]).toEqual([200]);
    expect(poisoned).not.toContain(200);
    expect(poisoned).not.toContain(503);
    expect(await ejectedOf(service)).toEqual([]);
  });

  it('do not prevent the ejection of a worker that fails every request', async () => {
    // This strategy keeps using the worker.
    const service = await serviceForTest({
      BALANCING_STRATEGY: 'round_robin',
      tuning: { retry: { atLeast: 1_000 } },
    });
    const [broken] = await register(service, [fails, failsOnPoison, failsOnPoison, failsOnPoison]);
    const { others } = await sendMixed(service);
    expect([...others]).toEqual([200]);
    expect(await ejectedOf(service)).toEqual([`${broken?.url}/x`]);
  });
});

describe('a lone worker', () => {
  it('stays in use after any number of failed answers', async () => {
    const service = await serviceForTest();
    const [upstream] = await register(service, [fails]);
    for (let i = 0; i < 10; i++) expect((await service.chat('m', 'hi')).status).toBe(502);
    upstream?.behave(fine);
    expect((await service.chat('m', 'hi')).status).toBe(200);
  });
});

describe('a throttled worker', () => {
  it.each([
    [429, { 'retry-after': '60' }],
    [503, { 'retry-after': '60' }],
  ])('answers %i to some of 20 requests at once, and no client sees it', async (status, headers) => {
    const service = await serviceForTest();
    const throttled = text('slow down', status, headers);
    const [first] = await register(service, [throttled, ...times(3, () => slow(20, fine))]);
    const answers = await Promise.all(times(20, () => service.chat('m', 'hi')));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(first?.calls).toBeGreaterThan(0);
    const callsBefore = first?.calls;
    for (let i = 0; i < 8; i++) expect((await service.chat('m', 'hi')).status).toBe(200);
    expect(first?.calls).toBe(callsBefore);
  });
});

describe('a worker that was down', () => {
  it('serves 80 % of its share again within a thousand requests', async () => {
    // Its time is not up before probes find it well.
    const service = await serviceForTest({ tuning: { stats: { ejectionBaseMs: 300_000 } } });
    const four = await register(
      service,
      times(4, () => slow(30, fine)),
      { health_check: { kind: 'http' } },
    );
    const [first] = four;
    if (first === undefined) throw new Error('no upstream');
    const statuses = new Set<number>();
    const traffic = { isOver: false };
    const clients = times(8, async () => {
      while (!traffic.isOver) statuses.add((await service.chat('m', 'hi')).status);
    });
    const callsOf = () => four.reduce((sum, { calls }) => sum + calls, 0);
    await until(() => first.calls > 50);
    await first.kill();
    await until(async () => (await viewsOf(service, 'm'))[0]?.health === 'unhealthy');
    await first.revive();
    const gone = first.calls;
    await until(() => first.calls > gone);
    const back = callsOf();
    let share = 0;
    while (share < 0.8 && callsOf() - back < 1_000) {
      const [own, all] = [first.calls, callsOf()];
      await until(() => callsOf() - all >= 100);
      share = (4 * (first.calls - own)) / (callsOf() - all);
    }
    traffic.isOver = true;
    await Promise.all(clients);
    expect([...statuses]).toEqual([200]);
    // On an idle machine these are four seconds.
    expect(share).toBeGreaterThanOrEqual(0.8);
  });
});
