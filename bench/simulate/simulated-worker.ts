import type { SimulationTime } from './virtual-time.js';

/** The behaviour of a worker for some time. */
export interface Behaviour {
  /** Milliseconds for a millisecond of work; `Infinity`: the worker hangs. */
  readonly relativeLatency: number;
  /** `500`: answers 500 at once. `refused`: nothing listens, and running requests are cut off. */
  readonly fault: 'none' | '500' | 'refused';
  /** The share of calls, 0 to 1, that are answered with a 500 at once. */
  readonly failShare: number;
  /** What its health endpoint answers. */
  readonly probe: 'good' | 'bad';
}

export const HEALTHY: Behaviour = { relativeLatency: 1, fault: 'none', failShare: 0, probe: 'good' };

/** A behaviour that starts at a given time. */
export interface Phase {
  readonly fromMs: number;
  readonly behaviour: Behaviour;
}

/** `timeout`: the worker did not answer in time. */
export type CallResult = 'served' | '500' | 'refused' | 'cut_off' | 'timeout';

interface Job {
  workLeftMs: number;
  readonly end: (result: CallResult) => void;
  stopWaiting: () => void;
}

const FAIL_MS = 5;
const REFUSE_MS = 1;

/** A server with a number of slots and a queue before them. */
export class SimulatedWorker {
  behaviour: Behaviour = HEALTHY;
  private readonly running = new Map<Job, { readonly sinceMs: number; readonly stop: () => void }>();
  private readonly queue: Job[] = [];

  constructor(
    private readonly time: SimulationTime,
    readonly slots: number,
    phases: readonly Phase[],
    private readonly random: () => number,
    /** The time that clients wait for a first byte. */
    private readonly patienceMs: number,
  ) {
    for (const { fromMs, behaviour } of phases) time.at(fromMs, () => this.setBehaviour(behaviour));
  }

  /** Running and queued requests. */
  get load(): number {
    return this.running.size + this.queue.length;
  }

  send(workMs: number, end: (result: CallResult) => void): void {
    const { fault, failShare } = this.behaviour;
    if (fault === 'refused') this.time.after(REFUSE_MS, () => end('refused'));
    else if (fault === '500' || (failShare > 0 && this.random() < failShare)) {
      this.time.after(FAIL_MS, () => end('500'));
    } else {
      const job: Job = { workLeftMs: workMs, end, stopWaiting: () => undefined };
      this.queue.push(job);
      this.awaitByte(job);
      this.fillSlots();
    }
  }

  private setBehaviour(behaviour: Behaviour): void {
    const jobs = [...this.running.keys()];
    for (const job of jobs) this.pause(job);
    this.behaviour = behaviour;
    if (behaviour.fault === 'refused') {
      for (const job of [...jobs, ...this.queue.splice(0)]) {
        job.stopWaiting();
        job.end('cut_off');
      }
    } else for (const job of jobs) this.run(job);
    this.fillSlots();
  }

  private fillSlots(): void {
    while (this.running.size < this.slots) {
      const next = this.queue.shift();
      if (next === undefined) return;
      this.run(next);
    }
  }

  private run(job: Job): void {
    const { relativeLatency } = this.behaviour;
    if (relativeLatency === Infinity) this.awaitByte(job);
    else job.stopWaiting();
    const done = () => {
      this.running.delete(job);
      this.fillSlots();
      job.end('served');
    };
    const stop =
      relativeLatency === Infinity
        ? () => undefined
        : this.time.after(job.workLeftMs * relativeLatency, done);
    this.running.set(job, { sinceMs: this.time.nowMs(), stop });
  }

  private pause(job: Job): void {
    const run = this.running.get(job);
    if (run === undefined) return;
    run.stop();
    this.running.delete(job);
    job.workLeftMs -= (this.time.nowMs() - run.sinceMs) / this.behaviour.relativeLatency;
  }

  private awaitByte(job: Job): void {
    job.stopWaiting();
    if (this.patienceMs === Infinity) return;
    job.stopWaiting = this.time.after(this.patienceMs, () => {
      this.drop(job);
      job.end('timeout');
    });
  }

  private drop(job: Job): void {
    this.pause(job);
    const at = this.queue.indexOf(job);
    if (at !== -1) this.queue.splice(at, 1);
    this.fillSlots();
  }
}
