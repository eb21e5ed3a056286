import { Injectable, Logger } from '@nestjs/common';
import { Notifications } from '../../database/notifications.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { type Load, WorkerActivity } from '../../registry/live/worker-activity.js';
import type { Worker } from '../../registry/worker.js';
import { PeriodicTask } from '../periodic-task.js';
import { AWAY_MS, Replicas, SETTLE_MS } from '../replicas.js';
import { CONTENDED, DemandTable, type Locked } from './demand-table.js';
import { lockedModel } from './locked-model.js';
import { type DemandRow, ModelSlots, type SlotLoad } from './model-slots.js';
import { evenShare } from './next-slots.js';
import type { RunningElsewhere } from './tenant-demand.js';

/** The least time between two exchanges of this replica. */
const LEAST_GAP_MS = 200;
/** While requests wait, the others are notified again: a replica may have joined, or a NOTIFY may be lost. */
const NOTIFY_AGAIN_MS = 5_000;
/** After the database was away every replica writes its rows within this time; until then none takes more. */
const RETURN_MS = SETTLE_MS;

/**
 * The slots of workers that have at least as many slots as there are replicas. Each replica may use an even share, until
 * requests of a model wait anywhere: then the replicas exchange slots through `replica_demand`, and what they got stays in force.
 */
@Injectable()
export class SharedSlots {
  private readonly logger = new Logger('Replicas');
  private readonly models = new Map<string, ModelSlots>();
  private readonly listeners: ((model: string) => void)[] = [];
  private readonly notifiedMs = new Map<string, number>();
  private readonly rounds = new PeriodicTask(() => this.round());
  private lastMs = -Infinity;
  private lastFault = '';
  /** When the first exchange began since which none has succeeded. */
  private unansweredSinceMs = Infinity;

  constructor(
    private readonly replicas: Replicas,
    private readonly table: DemandTable,
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly notifications: Notifications,
  ) {
    replicas.onChange(() => this.followReplicas());
    live.onChange(({ models }) => this.followRegistry(models));
    notifications.subscribe(CONTENDED, {
      onNotify: (model) => this.contend(model),
      // After a failover the rows may be those of a moment before.
      onListening: () => this.contendAll(),
    });
  }

  /** Requests of this replica that may run on the worker. */
  limitOf(worker: Worker): number {
    if (!this.replicas.isSettled) return 0;
    const even = this.evenShareOf(worker);
    const slots = this.models.get(worker.modelName);
    // As where slots are leased: without the database no replica is without a slot for long.
    const isAway = performance.now() - this.unansweredSinceMs >= AWAY_MS;
    if (isAway && slots?.hasNone === true) return Math.min(1, worker.maxConcurrency);
    const limit = slots?.limitOf(worker.id, even) ?? even;
    return Math.min(limit, worker.maxConcurrency);
  }

  /** The other replicas have all slots of the worker's model. */
  hasNoneOf(workerId: string): boolean {
    return this.models.get(this.live.worker(workerId)?.modelName ?? '')?.hasNone === true;
  }

  /** What each replica may use while none has more; less where requests still run at replicas that take no new ones. */
  evenShareOf({ id, maxConcurrency }: Worker): number {
    const free = Math.max(0, maxConcurrency - this.replicas.runningAtDraining(id));
    return evenShare(free, this.replicas.count);
  }

  /** The requests of tenants that ran at the other replicas at the last exchange; `undefined`: there was none. */
  elsewhereOf(model: string): ReadonlyMap<string, RunningElsewhere> | undefined {
    return this.models.get(model)?.elsewhere;
  }

  /** Calls `listener` with a model of which more or fewer slots may be used. */
  onChange(listener: (model: string) => void): void {
    this.listeners.push(listener);
  }

  /** A request of the model waits, and none did before. */
  queueBegins(model: string): void {
    if (this.replicas.count > 1) this.contend(model);
  }

  /** A request has ended on a worker on which so many ran: another replica may be waiting for its slot. */
  doneWith(model: string, workerId: string, inFlight: number): void {
    if (this.models.get(model)?.isOver(workerId, inFlight) === true) this.runSoon();
  }

  /** Where no NOTIFY arrives, the models with waiting requests are read with the heartbeat. @throws DatabaseUnavailableError */
  async learn(): Promise<void> {
    if (this.notifications.areComing || this.replicas.count < 2) return;
    for (const model of await this.table.contended()) this.contend(model);
  }

  /** Whether the others can read of all that runs here beyond the even share. */
  get isCovered(): boolean {
    // What runs at a replica that takes no new requests is in its heartbeat.
    if (this.replicas.ownRunning !== null) return true;
    return Object.entries(this.activity.load().running).every(([id, inFlight]) => {
      const worker = this.live.worker(id);
      // Of smaller limits the slots are leased.
      if (worker === undefined || worker.maxConcurrency < this.replicas.count) return true;
      const slots = this.models.get(worker.modelName);
      return inFlight <= this.evenShareOf(worker) || slots?.covers(id, inFlight) === true;
    });
  }

  /** What this replica has stays its own until its row is deleted. */
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  /** Takes part in the exchange of the model's slots from now on, and writes a row soon. */
  contend(model: string): void {
    if (this.live.model(model) === undefined) return;
    const slots = this.models.get(model) ?? new ModelSlots(this.replicas.id);
    this.models.set(model, slots);
    slots.contend(performance.now());
    this.runSoon();
  }

  private contendAll(): void {
    for (const model of this.models.keys()) this.contend(model);
  }

  private runSoon(): void {
    // The row of a replica that joins would count for nothing before the others know of it.
    if (this.replicas.isNoticed)
      this.rounds.runWithin(Math.max(0, this.lastMs + LEAST_GAP_MS - performance.now()));
  }

  private followReplicas(): void {
    this.contendAll();
    if (this.replicas.count < 2) return;
    // More run here than the even share of more replicas: the others must learn of it.
    const { running, waiting } = this.activity.load();
    for (const model of Object.keys(waiting)) this.contend(model);
    for (const [id, inFlight] of Object.entries(running)) {
      const worker = this.live.worker(id);
      if (worker !== undefined && inFlight > this.evenShareOf(worker)) this.contend(worker.modelName);
    }
  }

  private followRegistry(models: readonly string[]): void {
    for (const name of models) {
      const slots = this.models.get(name);
      const model = this.live.model(name);
      if (model === undefined) this.models.delete(name);
      else if (model.workers.some(({ id, maxConcurrency }) => (slots?.limitOf(id, 0) ?? 0) > maxConcurrency))
        this.contend(name);
    }
  }

  private async round(): Promise<number | null> {
    this.lastMs = performance.now();
    this.unansweredSinceMs = Math.min(this.unansweredSinceMs, this.lastMs);
    // A database that is silent may keep an exchange for longer than requests wait.
    const timer = setTimeout(() => this.notifyOfNone(), AWAY_MS);
    try {
      const isAlone = this.replicas.count < 2;
      if (isAlone && this.models.size > 0 && (await this.table.leaveIfAlone())) this.forget();
      else await this.exchange();
      this.lastFault = '';
      this.unansweredSinceMs = Infinity;
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.lastFault) this.logger.warn(`slots cannot be exchanged now: ${fault}`);
      this.lastFault = fault;
      this.notifyOfNone();
    }
    clearTimeout(timer);
    return this.pauseMs();
  }

  /** Models of which this replica has no slot may use one without the database. */
  private notifyOfNone(): void {
    for (const [model, slots] of this.models) if (slots.hasNone) this.notify(model);
  }

  private forget(): void {
    const models = [...this.models.keys()];
    this.models.clear();
    for (const model of models) this.notify(model);
  }

  private async exchange(): Promise<void> {
    const nowMs = performance.now();
    const taking = [...this.models].filter(([, slots]) => slots.pauseMs(nowMs, 0) !== null);
    if (taking.length === 0 || this.replicas.ownRunning !== null) return;
    const due = this.toAnnounce(taking.map(([name]) => name));
    for (const model of due) this.notifiedMs.set(model, nowMs);
    await this.table.exchange(
      taking.map(([name]) => name),
      due,
      (locked) => {
        const load = this.activity.load();
        const rows = taking.map(([name, slots]) => [name, this.decide(name, slots, locked, load)] as const);
        // What this replica gives up is not used from now on.
        for (const [name] of taking) this.notify(name);
        return new Map(rows);
      },
    );
    for (const [name, slots] of taking) {
      slots.confirm();
      this.notify(name);
    }
  }

  /** The models of which requests wait here, or of whose worker more requests run here than the even share. */
  private toAnnounce(models: readonly string[]): readonly string[] {
    const { running, waiting } = this.activity.load();
    const nowMs = performance.now();
    return models.filter((name) => {
      if (nowMs < (this.notifiedMs.get(name) ?? -Infinity) + NOTIFY_AGAIN_MS) return false;
      const workers = this.live.model(name)?.workers ?? [];
      return (
        waiting[name] !== undefined ||
        workers.some((worker) => (running[worker.id] ?? 0) > this.evenShareOf(worker))
      );
    });
  }

  private decide(name: string, slots: ModelSlots, locked: Locked, load: Load): DemandRow {
    const nowMs = performance.now();
    const waiting = load.waiting[name]?.[0] ?? 0;
    if (waiting > 0) slots.contend(nowMs);
    const model = lockedModel(name, locked, this.replicas, this.live.model(name)?.workers ?? []);
    const inFlight = new Map(model.workers.map(({ id }) => [id, load.running[id] ?? 0]));
    const its: SlotLoad = { inFlight, waiting, tenants: this.activity.tenants(name) };
    return slots.decide(model, its, nowMs >= this.replicas.returnedMs + RETURN_MS, nowMs);
  }

  private pauseMs(): number | null {
    const nowMs = performance.now();
    const pauses = [...this.models.values()].map((slots) => slots.pauseMs(nowMs, Math.random()) ?? Infinity);
    const least = Math.min(...pauses);
    return least === Infinity ? null : least;
  }

  private notify(model: string): void {
    for (const listener of this.listeners) listener(model);
  }
}
