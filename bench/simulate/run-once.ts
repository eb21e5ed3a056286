import { POLICIES } from '../../src/balancing/policies/strategies.js';
import type { Strategy } from '../../src/config/balancing-settings.js';
import { seededRandom } from '../../test/seeded-random.js';
import { Oracle } from './oracle.js';
import { PlainRouter } from './plain-router.js';
import { type ServiceOptions, SimulatedService } from './simulated-service.js';
import { type Phase, SimulatedWorker } from './simulated-worker.js';
import { type Answer, arrive, type BalancingSystem, type Request, type Send } from './traffic.js';
import { VirtualTime } from './virtual-time.js';

/** How the workers behave, and how much traffic there is. */
export interface Setup {
  /** One entry for each worker. */
  readonly workers: readonly (readonly Phase[])[];
  readonly perSecond: number;
  readonly untilMs: number;
  /** The timeout for the first byte; none if left out. */
  readonly patienceMs?: number;
  /** The share of requests, 0 to 1, that every worker answers with a 500; none if left out. They are not measured. */
  readonly poisonedShare?: number;
  /** The replica that receives a request; if left out, each as likely. `chance`: uniform in [0, 1). */
  readonly replicaAt?: (atMs: number, chance: number) => number;
  readonly service?: Partial<ServiceOptions>;
}

/** The system that balances. `router`: a strategy alone. */
export type System =
  | { readonly kind: 'service'; readonly strategy: Strategy }
  | { readonly kind: 'router'; readonly strategy: Strategy }
  | { readonly kind: 'oracle' };

/** One client's request. */
export interface Served {
  readonly arrivedMs: number;
  readonly tookMs: number;
  readonly answer: Answer;
}

/** One attempt at one worker. */
export interface Sent {
  readonly atMs: number;
  readonly worker: number;
  /** `null`: it had not ended when the run was over. */
  readonly endedMs: number | null;
}

export interface RunningAttempt extends Sent {
  endedMs: number | null;
}

export interface RunRecord {
  readonly served: readonly Served[];
  readonly sent: readonly Sent[];
  /** Requests that had no answer when the run was over. */
  readonly unanswered: number;
  readonly verdicts: readonly { readonly atMs: number; readonly worker: number; readonly health: string }[];
  /** Ejections and recoveries, on all replicas together. */
  readonly ejections: number;
  /** The most requests that ran on one worker at once. */
  readonly mostOnWorker?: number;
  /** Transactions of the exchange, of all replicas. */
  readonly exchanges?: number;
}

export const SLOTS = 8;
export const REPLICAS = 3;
const SERVICE_OPTIONS: ServiceOptions = {
  strategy: 'least_load',
  replicas: REPLICAS,
  concurrencyLimit: 64,
  retries: true,
  faults: {},
};
/** Long enough for running requests to end. */
const AFTERWARDS_MS = 1_200_000;
const POISON_MS = 5;

/** Runs of one setup and one seed have the same requests, whichever system balances. */
export function runOnce(setup: Setup, kind: System, seed: number): RunRecord {
  const time = new VirtualTime();
  const chance = seededRandom(seed * 7919 + 1);
  const poison = seededRandom(seed * 31 + 7);
  const workers = setup.workers.map(
    (phases, worker) =>
      new SimulatedWorker(
        time,
        SLOTS,
        phases,
        seededRandom(seed * 104_729 + worker),
        setup.patienceMs ?? Infinity,
      ),
  );
  const served: Served[] = [];
  const sent: Sent[] = [];
  const poisoned = new Set<Request>();
  const send: Send = (worker, request, end) => {
    const its = workers[worker];
    if (its === undefined) throw new RangeError(`no worker ${worker}`);
    const attempt: RunningAttempt = { atMs: time.nowMs(), worker, endedMs: null };
    sent.push(attempt);
    const ended: typeof end = (result) => {
      attempt.endedMs = time.nowMs();
      end(result);
    };
    if (poisoned.has(request)) time.after(POISON_MS, () => ended('500'));
    else its.send(request.workMs, ended);
  };
  const system = systemOf(kind, setup, workers, time, send, chance);
  let count = 0;
  const traffic = { perSecond: setup.perSecond, untilMs: setup.untilMs, replicas: REPLICAS };
  const turns = seededRandom(seed * 13 + 5);
  arrive(time, seededRandom(seed), traffic, (arrived) => {
    const { replicaAt } = setup;
    const request =
      replicaAt === undefined ? arrived : { ...arrived, replica: replicaAt(arrived.arrivedMs, turns()) };
    if (setup.poisonedShare !== undefined && poison() < setup.poisonedShare) {
      poisoned.add(request);
      return system.handle(request, () => poisoned.delete(request));
    }
    count += 1;
    const { arrivedMs } = request;
    system.handle(request, (answer) => served.push({ arrivedMs, tookMs: time.nowMs() - arrivedMs, answer }));
  });
  time.runUntil(setup.untilMs + AFTERWARDS_MS);
  const isService = system instanceof SimulatedService;
  return {
    served,
    sent,
    unanswered: count - served.length,
    verdicts: isService ? system.verdicts : [],
    ejections: isService ? system.ejections : 0,
    mostOnWorker: isService ? system.mostOnWorker : 0,
    exchanges: isService ? system.exchanges : 0,
  };
}

function systemOf(
  system: System,
  setup: Setup,
  workers: readonly SimulatedWorker[],
  time: VirtualTime,
  send: Send,
  random: () => number,
): BalancingSystem {
  switch (system.kind) {
    case 'oracle':
      return new Oracle(workers, send, random);
    case 'router': {
      const count = { workers: workers.length, replicas: REPLICAS };
      return new PlainRouter(POLICIES[system.strategy], count, time, send, random);
    }
    case 'service':
      return new SimulatedService(
        workers,
        { ...SERVICE_OPTIONS, ...setup.service, strategy: system.strategy },
        time,
        send,
        random,
      );
  }
}
