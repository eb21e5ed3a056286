import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { DatabaseConnection } from '../../database/database-connection.js';
import { ReplicaIdentity } from '../../database/replica-identity.js';
import { LiveKeys } from '../keys/live-keys.js';
import { type Answer, LimitTable } from './limit-table.js';
import type { Limits } from './limits.js';
import { Meter } from './meter.js';
import { monthAt, type MonthSums } from './month-budget.js';
import type { Report } from './shared-use.js';

const HOUR_MS = 3_600_000;
/** What is due within this time goes along. */
const GATHER_MS = 50;
/** While the database is away. */
const AWAY_PAUSE_MS = 1_000;
/** Rows of one transaction, so that locks are short; more follow at once. */
const MOST_ROWS = 500;
/** A meter that was not used for so long is full again, and is dropped. */
const UNUSED_MS = 300_000;

/** A key or a team whose limits were used here. */
export interface Metered {
  readonly kind: 'key' | 'team';
  /** The id of the key, or the name of the team. */
  readonly id: string;
  readonly meter: Meter;
  /** When others have to hear of it; `Infinity`: not before it is used again. */
  dueMs: number;
  hasRow: boolean;
}

/** Exchanges with other replicas what was used of limits, off the way of requests; idle while no limit is used. */
@Injectable()
export class LimitExchange implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly peers = { count: 1, isAway: false };
  private readonly logger = new Logger('Limits');
  private readonly metered = { key: new Map<string, Metered>(), team: new Map<string, Metered>() };
  /** Of those that were not used here yet, so that a budget that is used up admits nothing after a start. */
  private months: ReadonlyMap<string, MonthSums> = new Map();
  /** Those of which others have to hear. */
  private readonly due = new Set<Metered>();
  private timer: NodeJS.Timeout | null = null;
  private nextMs = Infinity;
  private running: Promise<void> | null = null;
  private stopped = false;
  private lastFault = '';

  constructor(
    private readonly table: LimitTable,
    private readonly keys: LiveKeys,
    private readonly identity: ReplicaIdentity,
    private readonly connection: DatabaseConnection,
  ) {}

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => void this.readMonths());
  }

  of(kind: Metered['kind'], id: string): Metered {
    const found = this.metered[kind].get(id);
    if (found !== undefined) return found;
    const metered: Metered = { kind, id, meter: new Meter(), dueMs: Infinity, hasRow: false };
    const month = this.months.get(subjectOf(metered));
    if (month !== undefined) metered.meter.knowMonth(month);
    this.metered[kind].set(id, metered);
    return metered;
  }

  /** It was used: other replicas hear of it within a second. */
  used(metered: Metered, limits: Limits, nowMs: number): void {
    const dueMs = nowMs + metered.meter.pauseMs(limits, nowMs);
    if (dueMs >= metered.dueMs) return;
    this.plan(metered, dueMs, nowMs);
  }

  /** Live replicas that take requests. */
  setReplicas(count: number): void {
    this.peers.count = Math.max(1, count);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.running;
    const left = this.all().filter(({ meter }) => meter.isActive(Date.now()));
    for (const { meter } of left) meter.close();
    for (let from = 0; from < left.length; from += MOST_ROWS)
      await this.exchange(left.slice(from, from + MOST_ROWS));
  }

  @Interval(HOUR_MS)
  async purge(): Promise<void> {
    const nowMs = Date.now();
    await this.readMonths();
    for (const { kind, id, meter } of this.all())
      if (nowMs - meter.usedMs > UNUSED_MS && !meter.isActive(nowMs)) this.metered[kind].delete(id);
    await this.table
      .purge()
      .catch((error: unknown) => this.logger.debug(`old use of limits was not deleted: ${String(error)}`));
  }

  private async readMonths(): Promise<void> {
    await this.table.months(monthAt(Date.now())).then(
      (months) => (this.months = months),
      (error: unknown) => this.logger.debug(`what was used this month is not known yet: ${String(error)}`),
    );
  }

  private all(): readonly Metered[] {
    return [...this.metered.key.values(), ...this.metered.team.values()];
  }

  private plan(metered: Metered, dueMs: number, nowMs: number): void {
    metered.dueMs = dueMs;
    this.due.add(metered);
    this.runAt(dueMs, nowMs);
  }

  private runAt(atMs: number, nowMs: number): void {
    if (this.stopped || atMs >= this.nextMs) return;
    this.nextMs = atMs;
    if (this.running !== null) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.round(), Math.max(0, atMs - nowMs)).unref();
  }

  private async round(): Promise<void> {
    this.timer = null;
    this.nextMs = Infinity;
    const nowMs = Date.now();
    const due = [...this.due].filter(({ dueMs }) => dueMs <= nowMs + GATHER_MS);
    this.running = this.exchange(due.slice(0, MOST_ROWS));
    await this.running;
    this.running = null;
    let first = Infinity;
    for (const { dueMs } of this.due) first = Math.min(first, dueMs);
    this.nextMs = Infinity;
    this.runAt(first, Date.now());
  }

  /** Never throws: what could not be reported is reported with the next. */
  private async exchange(due: readonly Metered[]): Promise<void> {
    const reports = new Map<string, { readonly of: Metered; readonly report: Report }>();
    const nowMs = Date.now();
    for (const each of due) {
      const limits = this.limitsOf(each);
      each.dueMs = Infinity;
      this.due.delete(each);
      if (limits === null) this.metered[each.kind].delete(each.id);
      else
        reports.set(subjectOf(each), {
          of: each,
          report: each.meter.report(this.identity.id, limits, nowMs, this.peers),
        });
    }
    if (reports.size === 0) return;
    let answers: ReadonlyMap<string, Answer> | null = null;
    try {
      const unknown = [...reports].filter(([, { of }]) => !of.hasRow);
      const currencies = new Map(
        unknown.map(([subject, { report }]) => [subject, report.limits.costCurrency] as const),
      );
      if (unknown.length > 0) await this.table.add(currencies, monthAt(nowMs));
      answers = await this.table.exchange(
        new Map([...reports].map(([subject, { report }]) => [subject, report])),
      );
      this.heard();
    } catch (error) {
      this.away(error);
    }
    for (const [subject, { of, report }] of reports) this.adopt(of, report, answers?.get(subject) ?? null);
  }

  private adopt(of: Metered, report: Report, answer: Answer | null): void {
    const nowMs = Date.now();
    of.hasRow = answer !== null;
    if (answer === null) of.meter.restore(report);
    else of.meter.adopt(answer.allowance, answer.atMs);
    if (!of.meter.isActive(nowMs)) return;
    const pauseMs = this.peers.isAway ? AWAY_PAUSE_MS : of.meter.pauseMs(report.limits, nowMs);
    // Apart from each other, so that replicas do not run in step.
    const dueMs = nowMs + pauseMs * (0.9 + 0.2 * Math.random());
    if (dueMs < of.dueMs) this.plan(of, dueMs, nowMs);
  }

  private limitsOf({ kind, id }: Metered): Limits | null {
    return kind === 'key' ? (this.keys.callerWithId(id)?.limits ?? null) : this.keys.limitsOfTeam(id);
  }

  private heard(): void {
    if (this.peers.isAway) this.logger.log('sharing limits with other replicas again');
    this.peers.isAway = false;
    this.lastFault = '';
  }

  private away(error: unknown): void {
    const fault = error instanceof Error ? error.message : String(error);
    if (fault !== this.lastFault)
      this.logger.warn(
        `limits cannot be shared now, so this replica keeps to its part (1/${this.peers.count}): ${fault}`,
      );
    this.peers.isAway = true;
    this.lastFault = fault;
  }
}

/** As `limit_use.subject` names it. */
function subjectOf({ kind, id }: Pick<Metered, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}
