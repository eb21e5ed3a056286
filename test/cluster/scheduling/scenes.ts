import { expect } from 'vitest';
import { PATIENT_MS, until, untilAll } from '../../until.js';
import type { Cluster } from '../cluster.js';
import { Engine } from './engine.js';
import type { Message, Traffic } from './traffic.js';

/** What must hold of a model under load, whatever has failed before. */
export interface Scene {
  readonly engines: readonly Engine[];
  /** Requests that may run at all engines together. */
  readonly slots: number;
  /** Waits until it is so again. */
  readonly holds: () => Promise<boolean>;
  /** Waits until clients of all kinds have got answers. */
  readonly goesOn: () => Promise<boolean>;
}

interface Stage {
  readonly cluster: Cluster;
  readonly traffic: Traffic;
}

export type BeginScene = (stage: Stage) => Promise<Scene>;

/** As many wait as there are places for in a queue of 1,000 connections, and the others are refused. */
const PLACES = 300;
/** Neither short against the way to the engine, nor long for a test. */
const ANSWER_MS = 500;
const THINKING_MS = 500;
/** Below the limit of a case; a dead replica's slots are free after 15 s, whatever the machine. */
const LONG_MS = 180_000;
/** That clients get while something is away. */
const ANSWERS = 20;

const question = (content: string): Message => ({ role: 'user', content });

/** Half of the slots are each one's, by weighted max-min. */
async function crowd({ cluster, traffic }: Stage): Promise<Scene> {
  const [SLOTS, CROWD, CALM, WINDOW] = [24, 1_000, 48, 96];
  const engine = await Engine.start(ANSWER_MS);
  await register(cluster, 'crowded', [engine], {}, SLOTS);
  const [crowded, calm] = await Promise.all([keyOf(cluster, 'crowd'), keyOf(cluster, 'calm')]);
  // A thousand first requests would wait while each replica looks the keys up, which they do for a second at most.
  for (const headers of [crowded, calm])
    await untilAll([0, 1, 2], 30_000, async (replica) => {
      const first = { kind: 'first', model: 'crowded', replica, messages: [question('first')], headers };
      return (await traffic.chat(first))?.status === 200;
    });
  const clients = (
    kind: string,
    count: number,
    replicas: readonly number[],
    headers: Record<string, string>,
  ) =>
    traffic.repeat(count, async (client) => {
      const replica = replicas[client % replicas.length] ?? 0;
      await traffic.chat({ kind, model: 'crowded', replica, messages: [question(kind)], headers });
    });
  clients('crowd', CROWD, [0, 2], crowded);
  clients('calm', CALM, [1, 2], calm);
  return {
    engines: [engine],
    slots: SLOTS,
    async holds() {
      const mark = engine.answered.length;
      let wasFull = false;
      await until(() => {
        wasFull ||= engine.atOnce === SLOTS;
        const { length } = engine.answered;
        const share = engine.answersOf('calm', length - WINDOW) / WINDOW;
        return wasFull && length - mark >= WINDOW && Math.abs(share - 0.5) < 0.1;
      }, LONG_MS);
      return true;
    },
    async goesOn() {
      const mark = engine.answered.length;
      await until(() => ['crowd', 'calm'].every((team) => engine.answersOf(team, mark) >= ANSWERS), LONG_MS);
      return true;
    },
  };
}

/** In the order of arrival, all bulk that waits would be answered before each chat. */
async function chatsAmongBulk({ cluster, traffic }: Stage): Promise<Scene> {
  const [SLOTS, BULK, CHATS] = [12, 120, 15];
  const engine = await Engine.start(ANSWER_MS);
  await register(cluster, 'busy', [engine], { bulk_share: 0.95 }, SLOTS);
  /** Of each chat: how many bulk requests were answered while it waited. */
  const passed: number[] = [];
  const clients = (kind: string, count: number, ended: (bulk: number) => void) =>
    traffic.repeat(count, async (client) => {
      const headers = { 'x-mmm-priority': kind };
      const mark = engine.answered.length;
      await traffic.chat({ kind, model: 'busy', replica: client % 3, messages: [question(kind)], headers });
      ended(engine.answersOf('bulk', mark));
    });
  clients('bulk', BULK, () => {});
  await until(() => engine.answered.length > BULK);
  clients('interactive', 3, (bulk) => passed.push(bulk));
  return {
    engines: [engine],
    slots: SLOTS,
    async holds() {
      const [chat, answer] = [passed.length, engine.answered.length];
      await until(() => {
        const latest = passed.slice(chat).slice(-CHATS);
        const median = latest.toSorted((one, other) => one - other)[Math.floor(CHATS / 2)] ?? Infinity;
        return median < (BULK - SLOTS) / 2 && engine.answersOf('bulk', answer) > SLOTS;
      }, LONG_MS);
      return true;
    },
    async goesOn() {
      const mark = engine.answered.length;
      await until(
        () => ['bulk', 'interactive'].every((kind) => engine.answersOf(kind, mark) >= ANSWERS),
        LONG_MS,
      );
      return true;
    },
  };
}

/** By load alone, a turn hits a cache by chance: one in four. */
async function conversations({ cluster, traffic }: Stage): Promise<Scene> {
  const [CHATS, TURNS, WINDOW] = [12, 5, 48];
  const engines = await Promise.all(Array.from({ length: 4 }, () => Engine.start(5)));
  await register(cluster, 'talk', engines, { strategy: 'prefix_affinity' });
  let begun = 0;
  traffic.repeat(CHATS, async () => {
    const messages = [question(`The question of chat ${(begun += 1)}`)];
    for (let turn = 0; turn < TURNS; turn += 1) {
      // Each turn at another replica.
      const reply = await traffic.chat({ kind: 'turn', model: 'talk', replica: begun + turn, messages });
      if (reply === null) return;
      messages.push({ role: 'assistant', content: 'yes' }, question(`And ${turn}?`));
      await traffic.pause(THINKING_MS);
    }
  });
  const sum = (of: 'hits' | 'laterTurns') => engines.reduce((total, engine) => total + engine[of], 0);
  const turns = async (count: number) => {
    const [hits, later] = [sum('hits'), sum('laterTurns')];
    await until(() => sum('laterTurns') - later >= count, LONG_MS);
    return (sum('hits') - hits) / (sum('laterTurns') - later);
  };
  return {
    engines,
    slots: Infinity,
    async holds() {
      return (await turns(WINDOW)) > 0.75;
    },
    async goesOn() {
      await turns(ANSWERS);
      return true;
    },
  };
}

export const SCENES: readonly { readonly does: string; readonly begin: BeginScene }[] = [
  { does: 'share the slots between a team with 1,000 connections and one with 48', begin: crowd },
  {
    does: 'serve interactive chats before the bulk that fills the slots, and bulk goes on',
    begin: chatsAmongBulk,
  },
  { does: 'send the turns of a chat to the worker whose cache has the turns before', begin: conversations },
];

/** Engines live in the process of the test, which may pause for seconds: that makes them neither unreachable nor ejected. */
async function register(
  cluster: Cluster,
  model: string,
  engines: readonly Engine[],
  policy: object,
  slots?: number,
): Promise<void> {
  for (const { upstream } of engines) {
    const { status } = await cluster.replica(0).register({
      model_name: model,
      protocol: 'openai',
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'none' },
      ...(slots === undefined ? {} : { max_concurrency: slots }),
    });
    expect(status).toBe(200);
  }
  const { ok } = await fetch(`${cluster.replica(0).url}/api/v1/models/${model}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...policy, queue: { max: PLACES }, timeouts: { connect_ms: PATIENT_MS } }),
  });
  expect(ok).toBe(true);
  await untilAll(cluster.replicas, 30_000, async (replica) => {
    const { data } = (await replica.get('/api/v1/models')).json as {
      data: { name: string; queue: { max?: number } | null; workers: Record<string, number> }[];
    };
    const known = data.find(({ name }) => name === model);
    const workers = Object.values(known?.workers ?? {}).reduce((total, count) => total + count, 0);
    return workers === engines.length && known?.queue?.max === PLACES;
  });
}

async function keyOf(cluster: Cluster, team: string): Promise<Record<string, string>> {
  const made = await cluster.replica(1).post('/api/v1/keys', { name: team, role: 'inference', team });
  return { authorization: `Bearer ${(made.json as { key: string }).key}` };
}
