import { expect, it, onTestFinished } from 'vitest';
import { ModelPools } from '../../src/balancing/model-pools.js';
import { WorkerActivity } from '../../src/registry/live/worker-activity.js';
import { type Answer, json, slow, startFakeUpstream } from '../fakes/fake-upstream.js';
import { faults } from '../fakes/upstream-faults.js';
import { printedRandom } from '../seeded-random.js';
import { serviceForTest, type TestService } from '../service.js';
import { countServiceTimers } from '../service-timers.js';
import { until } from '../until.js';

const REQUESTS = 800;
const AT_ONCE = 80;
const random = printedRandom('endings');
const fine = json({ a: 'fine' });

/** How the worker of each model answers, and what the client receives. */
const ENDINGS: Readonly<Record<string, readonly [Answer, number | 'gone']>> = {
  fine: [fine, 200],
  soon: [slow(20, fine), 200],
  fails: [json({ error: 'no' }, 500), 502],
  refuses: [json({ error: 'busy' }, 429), 502],
  'lacks the answer': [json({ b: 1 }), 502],
  garbage: [faults.sends_garbage, 502],
  closes: [faults.closes, 502],
  resets: [faults.resets, 502],
  'closes half-way': [faults.closes_half_way, 502],
  hangs: [faults.hangs, 504],
  drips: [faults.drips, 504],
  'outlasts its client': [faults.hangs, 'gone'],
};
const MODELS = Object.keys(ENDINGS);

async function endingOf(service: TestService, model: string): Promise<number | 'gone'> {
  try {
    const answer = await fetch(`${service.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: model, input: 'hi' }),
      signal: model === 'outlasts its client' ? AbortSignal.timeout(Math.ceil(random() * 200)) : null,
    });
    await answer.text();
    return answer.status;
  } catch (error) {
    if (model !== 'outlasts its client') throw error;
    return 'gone';
  }
}

/** The default timeouts of ten minutes, so that a timer that is not cleared stays visible. */
async function register(
  service: TestService,
  model: string,
  answer: Answer,
  timeouts: object,
): Promise<void> {
  for (const name of ['a', 'b']) {
    const upstream = await startFakeUpstream(answer);
    onTestFinished(() => upstream.close());
    const worker = await service.register({
      model_name: model,
      name,
      req_url_template: `${upstream.url}/x`,
      body: { q: '{USER_PROMPT}' },
      response_extract: 'a',
      timeouts,
      health_check: { kind: 'none' },
    });
    expect(worker.status).toBe(200);
  }
}

type Seen = Map<string, Set<number | 'gone'>>;

async function endMany(service: TestService, times: number, seen: Seen): Promise<void> {
  let left = times;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const model = MODELS[Math.floor(random() * MODELS.length)] ?? 'fine';
      const endings = seen.get(model) ?? new Set();
      seen.set(model, endings.add(await endingOf(service, model)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
}

async function inFlight(service: TestService): Promise<readonly number[]> {
  const { json: answer } = await service.get('/api/server/workers?detail=true');
  return (answer as { data: { in_flight: number }[] }).data.map(({ in_flight }) => in_flight);
}

it('leaves nothing in flight, no timer and no listener after 800 requests that end in every way', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  const service = await serviceForTest({
    tuning: { stats: { ejectionBaseMs: 10, ejectionMaxMs: 10 } },
  });
  // Clients that give up early leave unused connections; a server that closes would wait for them.
  onTestFinished(() => {
    service.app.getHttpServer().closeAllConnections();
  });
  for (const [model, [answer, ending]] of Object.entries(ENDINGS))
    await register(service, model, answer, ending === 504 ? { total_ms: 400 } : {});
  const timers = countServiceTimers();
  const seen: Seen = new Map();
  await endMany(service, REQUESTS, seen);
  await until(async () => (await inFlight(service)).every((count) => count === 0));
  const loads = service.app.get(ModelPools).loads();
  expect(loads.map(({ model }) => model).toSorted()).toEqual(MODELS.toSorted());
  expect(loads.filter(({ inFlight: running, queued }) => running + queued > 0)).toEqual([]);
  expect(service.app.get(WorkerActivity).isIdle).toBe(true);
  expect(timers.everSet()).toBeGreaterThan(REQUESTS);
  // Loops of the service hold up to 20 of them.
  await until(() => timers.pending() < 50);
  expect(warnings).toEqual([]);
  for (const [model, [, ending]] of Object.entries(ENDINGS)) {
    const endings = seen.get(model) ?? new Set();
    expect([...endings]).toContain(ending);
    // In addition, a worker may be ejected (503), and on a busy machine any request can time out (504).
    expect([...endings].filter((one) => ![ending, 503, 504].includes(one))).toEqual([]);
  }
  expect((await service.chat('fine', 'hi')).status).toBe(200);
}, 300_000);
