import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, QUICK } from '../cluster/cluster.js';
import { type Answer, type FakeUpstream, json, slow, startFakeUpstream } from '../fakes/fake-upstream.js';
import { seededRandom } from '../seeded-random.js';
import { untilAll } from '../until.js';

interface ChatBody {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

const answerOf = (content: string) => ({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
});

/** An engine whose cache holds the prompts that it has answered. */
class CachingEngine {
  hits = 0;
  private readonly cache = new Set<string>();

  private constructor(readonly upstream: FakeUpstream) {}

  static async start(): Promise<CachingEngine> {
    const upstream = await startFakeUpstream();
    const engine = new CachingEngine(upstream);
    upstream.behave(slow(5, engine.answer));
    return engine;
  }

  private readonly answer: Answer = (response, request) => {
    const { messages } = JSON.parse(request.body) as ChatBody;
    // Of a later turn, the prompt of the one before: all but an answer and a question.
    if (this.cache.has(JSON.stringify(messages.slice(0, -2)))) this.hits += 1;
    this.cache.add(JSON.stringify(messages));
    json(answerOf('yes'))(response, request);
  };
}

let cluster: Cluster;
const opened: FakeUpstream[] = [];
beforeAll(async () => {
  const tuning = { ...QUICK.tuning, admission: { perSlot: 100 } };
  cluster = await Cluster.start([{}, {}, {}], { ...QUICK, BALANCING_QUEUE_WAIT_MS: '120000', tuning });
  await untilAll(cluster.replicas, 30_000, async (replica) => (await replica.metric('mmm_replicas')) === 3);
});
afterAll(async () => {
  await cluster.close();
  await Promise.all(opened.map((upstream) => upstream.close()));
});

async function serve(model: string, upstreams: readonly FakeUpstream[], policy: object, more: object = {}) {
  opened.push(...upstreams);
  for (const { url } of upstreams) {
    const worker = { model_name: model, protocol: 'openai', req_url_template: `${url}/v1`, ...more };
    const { status } = await cluster.replica(0).register({ ...worker, health_check: { kind: 'none' } });
    expect(status).toBe(200);
  }
  const { ok } = await fetch(`${cluster.replica(0).url}/api/v1/models/${model}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(policy),
  });
  expect(ok).toBe(true);
  await untilAll(cluster.replicas, 30_000, async (replica) => {
    const { data } = (await replica.get('/api/v1/models')).json as {
      data: (Record<string, unknown> & { name: string; workers: Record<string, number> })[];
    };
    const shown = data.find(({ name }) => name === model);
    if (shown === undefined) return false;
    const known = Object.values(shown.workers).reduce((sum, count) => sum + count, 0);
    return (
      known === upstreams.length && Object.entries(policy).every(([field, value]) => shown[field] === value)
    );
  });
}

async function chat(replica: number, model: string, messages: ChatBody['messages'], priority = 'default') {
  const { status } = await fetch(`${cluster.replica(replica).url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mmm-priority': priority },
    body: JSON.stringify({ model, messages }),
  });
  return status;
}

const CHATS = 24;
const TURNS = 5;
const LATER_TURNS = CHATS * (TURNS - 1);

/** Plays chats that begin at the same time, each turn at any of the replicas. @returns how many of the later turns hit a cache */
async function hitsWith(strategy: string): Promise<number> {
  const model = `talk-${strategy}`;
  const engines = await Promise.all(Array.from({ length: 4 }, () => CachingEngine.start()));
  await serve(
    model,
    engines.map(({ upstream }) => upstream),
    { strategy },
  );
  const random = seededRandom(7);
  await Promise.all(
    Array.from({ length: CHATS }, async (_, at) => {
      const messages = [{ role: 'user', content: `The question of chat ${at}` }];
      for (let turn = 0; turn < TURNS; turn += 1) {
        expect(await chat(Math.floor(3 * random()), model, messages)).toBe(200);
        messages.push({ role: 'assistant', content: 'yes' }, { role: 'user', content: `And ${turn}?` });
      }
    }),
  );
  return engines.reduce((sum, { hits }) => sum + hits, 0);
}

describe('three replicas of one model', () => {
  it('send the turns of a chat to one worker, whichever of them gets the request', async () => {
    const [kept, byLoad] = await Promise.all([hitsWith('prefix_affinity'), hitsWith('least_load')]);
    expect(kept).toBeGreaterThan(0.75 * LATER_TURNS);
    // By load alone, a turn hits by chance: one in four.
    expect(byLoad).toBeLessThan(0.75 * kept);
  });

  it('serve interactive chats before the bulk that fills them, and bulk goes on', async () => {
    const SLOTS = 12;
    const upstream = await startFakeUpstream(slow(30, json(answerOf('done'))));
    await serve('busy', [upstream], { bulk_share: 0.95 }, { max_concurrency: SLOTS });
    const over = new AbortController();
    let served = 0;
    const BULK = 8 * SLOTS;
    const batch = Promise.all(
      Array.from({ length: BULK }, async (_, at) => {
        while (!over.signal.aborted) {
          expect(await chat(at % 3, 'busy', [{ role: 'user', content: 'batch' }], 'bulk')).toBe(200);
          served += 1;
        }
      }),
    );
    await untilAll([cluster], 30_000, () => Promise.resolve(served > BULK));
    const passed: number[] = [];
    await Promise.all(
      [0, 1, 2].map(async (replica) => {
        for (let at = 0; at < 10; at += 1) {
          const before = served;
          expect(await chat(replica, 'busy', [{ role: 'user', content: 'hello' }], 'interactive')).toBe(200);
          passed.push(served - before);
        }
      }),
    );
    const afterChats = served;
    await untilAll([cluster], 30_000, () => Promise.resolve(served > afterChats + SLOTS));
    over.abort();
    await batch;
    // In the order of arrival, all bulk that waits would be answered before each chat.
    const median = passed.toSorted((one, other) => one - other)[passed.length / 2] ?? Infinity;
    expect(median).toBeLessThan((BULK - SLOTS) / 2);
  });
});
