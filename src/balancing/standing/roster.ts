import type { Policy } from '../policy.js';
import { afterLending } from './circuit.js';
import { afterOutcome } from './experience.js';
import type { StandingLimits } from './limits.js';
import type { Outcome } from './outcome.js';
import { median, msPerUnit } from './pace.js';
import { type Member, Standing } from './standing.js';
import { awaitingTrial, backInMs, isOnlyFull, isOpen, usableOf } from './usable-of.js';

/** A request's right to one worker, until it is given back. */
export interface Loan {
  readonly standing: Standing;
  readonly isTrial: boolean;
  readonly epoch: number;
  /** The roster's to change. */
  isReturned: boolean;
}

export interface Refusal {
  /** `full`: waiting may help. `none`: none may be used. */
  readonly why: 'full' | 'none';
  /** When time alone may bring one back; `null`: it won't. */
  readonly backInMs: number | null;
}

/** What fades or grows by time alone is looked at again after so long; after longer when there are very many. */
const REFRESH_MS = 100;
const REFRESH_MS_PER_WORKER = 1;
/** A pace that was not seen for this many time constants says nothing of what is usual now. */
const PACE_FORGOTTEN = 4;
const NONE: ReadonlySet<string> = new Set();

/** The workers of one model on this replica: lends them, counts, and learns from how requests end. Never waits. */
export class Roster {
  private standings: readonly Standing[] = [];
  /** Gone while requests run there: should they come back, these still count. */
  private departed: readonly Standing[] = [];
  private memory: unknown;
  private usable: readonly Standing[] = [];
  private trials: readonly Standing[] = [];
  private medianMsPerUnit = 0;
  /** Whether there is a worker to lean on while others warm up. */
  private isAnyWarm = false;
  private refreshedAtMs = -Infinity;
  private isOutdated = true;

  /** @param random uniform in [0, 1) */
  constructor(
    private policy: Policy<unknown>,
    private readonly limits: StandingLimits,
    private readonly random: () => number,
  ) {
    this.memory = policy.start;
  }

  get all(): readonly Standing[] {
    return this.standings;
  }

  standing(workerId: string): Standing | undefined {
    return this.standings.find(({ id }) => id === workerId);
  }

  /** Requests that run, on workers that are gone too. */
  get inFlight(): number {
    let sum = 0;
    for (const { inFlight } of this.standings) sum += inFlight;
    for (const { inFlight } of this.departed) sum += inFlight;
    return sum;
  }

  use(policy: Policy<unknown>): void {
    if (policy === this.policy) return;
    this.policy = policy;
    this.memory = policy.start;
  }

  /** The registry changed. What is known of those that stay is kept. */
  become(members: readonly Member[], nowMs: number): void {
    const all = [...this.departed, ...this.standings];
    const known = new Map(all.map((standing) => [standing.id, standing]));
    this.standings = members.map((member) => {
      const standing = known.get(member.id) ?? new Standing(member, nowMs, this.limits);
      standing.become(member, nowMs);
      return standing;
    });
    const kept = new Set(this.standings);
    this.departed = all.filter((standing) => standing.inFlight > 0 && !kept.has(standing));
    this.refreshedAtMs = -Infinity;
  }

  pardon(workerId: string): void {
    this.standing(workerId)?.pardon();
    this.refreshedAtMs = -Infinity;
  }

  /** Picks and counts in one step: two requests never see the same moment. */
  lend(nowMs: number, tried: ReadonlySet<string> = NONE, key?: string): Loan | Refusal {
    this.bringUpToDate(nowMs);
    // A request that was already unlucky is no trial.
    const [trial] = tried.size === 0 ? this.trials : [];
    if (trial !== undefined) return this.lendOut(trial, nowMs);
    const candidates = tried.size === 0 ? this.usable : usableOf(this.standings, tried, nowMs);
    if (candidates.length === 0) return this.refuse(tried, nowMs);
    const pick = this.policy.pick(candidates, this.memory, this.random, key);
    this.memory = pick.memory;
    const standing = candidates[pick.index];
    if (standing === undefined) throw new RangeError(`no candidate ${pick.index} of ${candidates.length}`);
    return this.lendOut(standing, nowMs);
  }

  /** Counts back, once for each loan, and learns. */
  giveBack(loan: Loan, outcome: Outcome, nowMs: number): void {
    if (loan.isReturned) return;
    loan.isReturned = true;
    const { standing } = loan;
    const before = standing.experience;
    const hadRoom = standing.hasRoom;
    standing.inFlight -= 1;
    const isAlone = outcome.kind !== 'success' && this.isAlone(standing);
    const evidence = { outcome, epoch: loan.epoch, isAlone };
    standing.learn(afterOutcome(before, evidence, nowMs, this.random, this.limits));
    const { circuit, busyUntilMs } = standing.experience;
    this.isOutdated ||=
      !hadRoom ||
      standing.member.health === 'suspect' ||
      busyUntilMs !== before.busyUntilMs ||
      circuit.ejectedFor !== before.circuit.ejectedFor ||
      circuit.trialRunning !== before.circuit.trialRunning;
  }

  private lendOut(standing: Standing, nowMs: number): Loan {
    const { experience } = standing;
    const isTrial = experience.circuit.ejectedFor !== null;
    standing.inFlight += 1;
    if (isTrial) {
      standing.trialSinceMs = nowMs;
      standing.experience = { ...experience, circuit: afterLending(experience.circuit) };
    }
    this.isOutdated ||= isTrial || !standing.hasRoom;
    return { standing, isTrial, epoch: standing.epoch, isReturned: false };
  }

  private isAlone(standing: Standing): boolean {
    return !this.standings.some((other) => other !== standing && isOpen(other));
  }

  private refuse(tried: ReadonlySet<string>, nowMs: number): Loan | Refusal {
    const [trial] = this.trials.filter(({ id }) => !tried.has(id));
    if (trial !== undefined) return this.lendOut(trial, nowMs);
    return {
      why: isOnlyFull(this.standings, tried, nowMs) ? 'full' : 'none',
      backInMs: backInMs(this.standings, nowMs),
    };
  }

  private bringUpToDate(nowMs: number): void {
    const refreshMs = Math.max(REFRESH_MS, REFRESH_MS_PER_WORKER * this.standings.length);
    if (nowMs - this.refreshedAtMs >= refreshMs) this.refresh(nowMs);
    else if (!this.isOutdated) return;
    this.usable = usableOf(this.standings, NONE, nowMs);
    this.trials = awaitingTrial(this.standings, this.usable, nowMs);
    this.isOutdated = false;
  }

  private refresh(nowMs: number): void {
    this.refreshedAtMs = nowMs;
    this.isOutdated = true;
    const sinceMs = nowMs - PACE_FORGOTTEN * this.limits.paceMs;
    const paces = this.standings
      .map(({ experience: { pace } }) => (pace.atMs >= sinceMs ? msPerUnit(pace) : null))
      .filter((pace) => pace !== null);
    this.medianMsPerUnit = median(paces);
    this.isAnyWarm = this.standings.some((standing) => isOpen(standing) && !standing.isWarming(nowMs));
    for (const standing of this.standings) {
      standing.refresh(this.medianMsPerUnit, nowMs, this.isAnyWarm);
    }
  }
}
