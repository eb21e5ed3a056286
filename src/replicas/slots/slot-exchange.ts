import { Injectable } from '@nestjs/common';
import { WorkerActivity } from '../../registry/live/worker-activity.js';
import type { SlotPlan } from './plan-slots.js';
import { Replicas, SETTLE_MS } from '../replicas.js';
import type { Demand, SlotHolding } from './slot-holding.js';
import { LEASE_MS, type Slot, SlotTable, REQUEST_MS } from './slot-table.js';

type Holdings = Map<string, SlotHolding>;
type Plans = readonly (readonly [SlotHolding, SlotPlan])[];
/** Receives the workers whose number of usable slots has changed. */
type Notify = (workerIds: readonly string[]) => void;

/** Aligns the slots that this replica holds and needs with the table. */
@Injectable()
export class SlotExchange {
  constructor(
    private readonly table: SlotTable,
    private readonly replicas: Replicas,
    private readonly activity: WorkerActivity,
  ) {}

  /** @throws DatabaseUnavailableError after planning which slots may still be used */
  async round(holdings: Holdings, notify: Notify): Promise<void> {
    const queriedAtMs = performance.now();
    try {
      const { mine, slotRequests } = await this.table.look([...holdings.keys()]);
      for (const [id, holding] of holdings) {
        const slots = mine.filter(({ workerId }) => workerId === id);
        holding.update(slots, slotRequests.get(id) ?? 0, queriedAtMs);
      }
      const known = [...holdings.values()];
      await this.settle(holdings, notify);
      for (const holding of known) holding.isLeased = true;
    } catch (error) {
      this.plan(holdings, notify);
      throw error;
    }
  }

  private async settle(holdings: Holdings, notify: Notify): Promise<void> {
    const plans = this.plan(holdings, notify);
    await this.renew(holdings);
    for (const [holding, { release }] of plans) await this.give(holding, release);
    await this.take(plans, holdings, notify);
    await this.requestSlots(plans, holdings);
    await this.releaseUnneeded(holdings, notify);
  }

  /** Plans which slots may be used from now on, before any is released. */
  private plan(holdings: Holdings, notify: Notify): Plans {
    const nowMs = performance.now();
    const changed: string[] = [];
    const plans = [...holdings.values()].map((holding) => {
      const before = holding.usable;
      const plan = holding.plan(this.demandOf(holding, nowMs), nowMs);
      if (holding.usable !== before) changed.push(holding.workerId);
      return [holding, plan] as const;
    });
    notify(changed);
    return plans;
  }

  /**
   * Until all replicas know that slots must be leased, others may still use their shares. Meanwhile this replica leases no
   * more slots than it has running requests (at least one, unless others had all), and a replica that joins leases none.
   */
  private demandOf(holding: SlotHolding, nowMs: number): Demand {
    const { inFlight, wanted } = this.activity.of(holding.workerId);
    if (!this.replicas.isSettled) return { inFlight, wanted: 0 };
    holding.isAgreed ||= this.replicas.areAgreed && nowMs >= holding.sinceMs + SETTLE_MS;
    if (!holding.isAgreed) return { inFlight, wanted: Math.min(wanted, Math.max(holding.first, inFlight)) };
    return { inFlight, wanted };
  }

  private async renew(holdings: Holdings): Promise<void> {
    const nowMs = performance.now();
    const due = [...holdings.values()].filter((holding) => holding.isToRenew(nowMs, LEASE_MS / 2));
    if (due.length > 0) await this.table.renew(due.map(({ workerId }) => workerId));
  }

  private async give(holding: SlotHolding, count: number): Promise<void> {
    const unclaimed: Slot[] = [];
    for (const slot of holding.remove(count)) {
      if (!(await this.table.handOver(slot))) unclaimed.push(slot);
    }
    if (unclaimed.length > 0) await this.table.release(unclaimed);
  }

  private async take(plans: Plans, holdings: Holdings, notify: Notify): Promise<void> {
    const wanted = plans
      .filter(([holding, { take }]) => take > 0 && holding.releaseAllAtMs === null)
      .map(([{ workerId, cap }, { take }]) => ({ workerId, cap, most: take }));
    if (wanted.length === 0) return;
    const nowMs = performance.now();
    const taken = await this.table.take(wanted);
    for (const { workerId, slot } of taken) {
      holdings.get(workerId)?.add(slot, nowMs + LEASE_MS, nowMs);
    }
    notify(taken.map(({ workerId }) => workerId));
  }

  private async requestSlots(plans: Plans, holdings: Holdings): Promise<void> {
    const nowMs = performance.now();
    const requesting = plans
      .filter(([{ held }, { requestSlot }]) => requestSlot && held === 0)
      .map(([holding]) => holding);
    const due = requesting.filter(
      ({ requestedMs }) => requestedMs === null || nowMs - requestedMs > REQUEST_MS / 2,
    );
    const over = [...holdings.values()].filter(
      (holding) => holding.requestedMs !== null && !requesting.includes(holding),
    );
    if (due.length > 0) await this.table.requestSlots(due.map(({ workerId }) => workerId));
    for (const holding of due) holding.requestedMs = nowMs;
    if (over.length === 0) return;
    const cancelled = await this.table.cancelRequests(over.map(({ workerId }) => workerId));
    for (const holding of over) {
      holding.requestedMs = null;
      holding.mayHaveMore = !cancelled.includes(holding.workerId);
    }
  }

  /** Releases the slots of workers whose slots no longer need a lease. */
  private async releaseUnneeded(holdings: Holdings, notify: Notify): Promise<void> {
    const nowMs = performance.now();
    for (const holding of holdings.values()) {
      if (holding.releaseAllAtMs === null || nowMs < holding.releaseAllAtMs) continue;
      const slots = holding.remove(holding.held);
      holdings.delete(holding.workerId);
      notify([holding.workerId]);
      if (slots.length > 0) await this.table.release(slots);
    }
  }
}
