import { seededRandom } from '../../test/seeded-random.js';
import { POLICIES, type StrategyName } from '../../src/balancing/policies/strategies.js';
import type { BalancingSystem, Send } from './balancing-system.js';
import { Oracle } from './oracle.js';
import { type ServiceOptions, SimulatedService } from './simulated-service.js';
import { PlainRouter } from './plain-router.js';
import { type Answer, arrive } from './traffic.js';
import { type Phase, SimulatedWorker } from './simulated-worker.js';
import { VirtualTime } from './virtual-time.js';

/** A play: how the workers behave, and how much is asked of them. */
export interface Setup {
  /** One entry a worker. */
  readonly workers: readonly (readonly Phase[])[];
  readonly perSecond: number;
  readonly untilMs: number;
  /** How long a first byte is awaited; for ever if left out. */
  readonly patienceMs?: number;
  readonly service?: Partial<ServiceOptions>;
}

/** Who balances. */
export type System =
  | { readonly kind: 'ours'; readonly strategy: StrategyName }
  | { readonly kind: 'rival'; readonly strategy: StrategyName }
  | { readonly kind: 'oracle' };

/** One caller's request. */
export interface Served {
  readonly arrivedMs: number;
  readonly tookMs: number;
  readonly answer: Answer;
}

/** One attempt at one worker. */
export interface Sent {
  readonly atMs: number;
  readonly worker: number;
}

export interface RunRecord {
  readonly served: readonly Served[];
  readonly sent: readonly Sent[];
  /** Requests that had no answer when the play was over. */
  readonly unanswered: number;
  readonly verdicts: readonly { readonly atMs: number; readonly worker: number; readonly health: string }[];
}

export const SLOTS = 8;
export const REPLICAS = 3;
const SERVICE_OPTIONS: ServiceOptions = {
  strategy: 'least_load',
  replicas: REPLICAS,
  concurrencyLimit: 64,
  retries: true,
};
/** Long enough for what runs to end. */
const AFTERWARDS_MS = 1_200_000;

/** The same play of the same seed has the same requests, whoever balances. */
export function runOnce(play: Setup, contestant: System, seed: number): RunRecord {
  const time = new VirtualTime();
  const chance = seededRandom(seed * 7919 + 1);
  const upstreams = play.workers.map(
    (phases, worker) =>
      new SimulatedWorker(
        time,
        SLOTS,
        phases,
        seededRandom(seed * 104_729 + worker),
        play.patienceMs ?? Infinity,
      ),
  );
  const served: Served[] = [];
  const sent: Sent[] = [];
  const send: Send = (worker, request, end) => {
    const upstream = upstreams[worker];
    if (upstream === undefined) throw new RangeError(`no worker ${worker}`);
    sent.push({ atMs: time.nowMs(), worker });
    upstream.send(request.workMs, end);
  };
  const system = systemOf(contestant, play, upstreams, time, send, chance);
  let arrived = 0;
  const traffic = { perSecond: play.perSecond, untilMs: play.untilMs, replicas: REPLICAS };
  arrive(time, seededRandom(seed), traffic, (request) => {
    arrived += 1;
    const { arrivedMs } = request;
    system.handle(request, (answer) => served.push({ arrivedMs, tookMs: time.nowMs() - arrivedMs, answer }));
  });
  time.runUntil(play.untilMs + AFTERWARDS_MS);
  const verdicts = system instanceof SimulatedService ? system.verdicts : [];
  return { served, sent, unanswered: arrived - served.length, verdicts };
}

function systemOf(
  contestant: System,
  play: Setup,
  upstreams: readonly SimulatedWorker[],
  time: VirtualTime,
  send: Send,
  random: () => number,
): BalancingSystem {
  switch (contestant.kind) {
    case 'oracle':
      return new Oracle(upstreams, send, random);
    case 'rival': {
      const count = { workers: upstreams.length, replicas: REPLICAS };
      return new PlainRouter(POLICIES[contestant.strategy], count, time, send, random);
    }
    case 'ours':
      return new SimulatedService(
        upstreams,
        { ...SERVICE_OPTIONS, ...play.service, strategy: contestant.strategy },
        time,
        send,
        random,
      );
  }
}
